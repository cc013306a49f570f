//! `connect_result`: follows TCP sockets from SYN_SENT to their answer.
//!
//! An entry is made when a socket sends its SYN, in the context of the process that called connect, with the
//! addresses the kernel used. The call's exit either takes it away or marks it as awaited; the answer of an awaited
//! one is emitted by whoever removes the entry, so that it is told exactly once. Exit and answer may meet on two CPUs:
//! each raises its own flag with a full barrier before it looks at the other's, so one of them sees both.

use core::mem::MaybeUninit;

use aya_ebpf::{
    helpers::bpf_ktime_get_boot_ns,
    macros::{btf_tracepoint, map},
    maps::LruHashMap,
    programs::BtfTracePointContext,
};
use nightjar_events::{
    Header,
    event::{connect::Socket, connect_result::ConnectResult},
    failure::Place,
};

use super::arg;
use crate::{
    emit, failed, filter,
    read::{
        put_word,
        socket::{Sock, TCP_ESTABLISHED, TCP_SYN_SENT},
        word,
    },
    setting,
};

/// Sockets between SYN and answer. An evicted one is told by its `connect` record only.
#[map]
static CONNECTING: LruHashMap<u64, Connecting> = LruHashMap::with_max_entries(16 * 1024, 0);

#[repr(C)]
struct Connecting {
    /// Who called connect, and when the SYN left.
    who: Header,
    socket: Socket,
    /// Not 0 when the call has returned and the answer is to be told.
    awaited: u64,
    /// Not 0 when the answer has come.
    answered: u64,
    fd: i32,
    answer: i32,
}

/// The caller closed the socket before an answer came.
const ECONNABORTED: i32 = -103;

/// inet_sock_set_state(sk, oldstate, newstate); fires before the new state is stored.
#[btf_tracepoint(function = "inet_sock_set_state")]
fn connect_state(ctx: BtfTracePointContext) -> i32 {
    let sock = Sock(arg(&ctx, 0));
    let (old, new) = (arg(&ctx, 1) as u8, arg(&ctx, 2) as u8);
    if new == TCP_SYN_SENT {
        if !filter::is_self() {
            begin(sock);
        }
    } else if old == TCP_SYN_SENT {
        answer(sock, new);
    }
    0
}

#[inline(always)]
fn begin(sock: Sock) {
    // Not in a map: a program can be preempted, and the next one on its CPU would write into the same value.
    let mut draft = MaybeUninit::<Connecting>::uninit();
    let draft = draft.as_mut_ptr();
    emit::zero(draft);
    // SAFETY: the draft is ours and valid when it is all zeroes.
    unsafe {
        emit::describe_current(&raw mut (*draft).who, 0);
        (*draft).fd = -1;
        sock.fill_source(&raw mut (*draft).socket);
        sock.fill_destination(&raw mut (*draft).socket);
        // A full table evicts the oldest.
        failed::unless(CONNECTING.insert(sock.0, &*draft, 0).is_ok(), Place::ConnectingKept);
    }
}

#[inline(always)]
fn answer(sock: Sock, new: u8) {
    let Some(entry) = CONNECTING.get_ptr_mut(sock.0) else { return };
    let answer = outcome(sock, new);
    // SAFETY: a map's value stays readable until this program ends.
    unsafe {
        (*entry).answer = answer;
        emit::add(&raw mut (*entry).answered, 1);
        if core::ptr::read_volatile(&raw const (*entry).awaited) != 0 {
            tell(sock, entry);
        }
    }
}

#[inline(always)]
fn outcome(sock: Sock, state: u8) -> i32 {
    if state == TCP_ESTABLISHED {
        return 0;
    }
    match sock.error() {
        0 => ECONNABORTED,
        error => -error,
    }
}

/// The call returned before the answer: it is to be told when it comes, or now if it came meanwhile.
#[inline(always)]
pub(super) fn expect_outcome(sock: Sock, fd: i32) {
    let Some(entry) = CONNECTING.get_ptr_mut(sock.0) else {
        failed::unless(setting!(awaits_results) == 0 || !sock.is_tcp(), Place::ConnectingGone);
        return;
    };
    // SAFETY: as above.
    unsafe {
        (*entry).fd = fd;
        emit::add(&raw mut (*entry).awaited, 1);
        if core::ptr::read_volatile(&raw const (*entry).answered) != 0 {
            tell(sock, entry);
        }
    }
}

/// The call returned with the answer.
#[inline(always)]
pub(super) fn forget(sock: Sock) {
    // Absent for every socket that is not TCP.
    let _ = CONNECTING.remove(sock.0);
}

/// Fills both ends from the entry of a socket that has sent its SYN; false when there is none.
#[inline(always)]
pub(super) fn fill_begun(sock: Sock, out: *mut Socket) -> bool {
    let Some(entry) = CONNECTING.get_ptr(sock.0) else { return false };
    // SAFETY: as above; `out` is a record's body. The own end was filled from the socket, which knows its port by now.
    unsafe {
        let from = (&raw const (*entry).socket.destination).cast();
        let to = (&raw mut (*out).destination).cast();
        put_word::<0>(to, word::<0>(from));
        put_word::<8>(to, word::<8>(from));
        (*out).destination_port = (*entry).socket.destination_port;
    }
    true
}

/// Emits the answer, if this is the one that removes the entry.
#[inline(always)]
fn tell(sock: Sock, entry: *mut Connecting) {
    if CONNECTING.remove(sock.0).is_err() {
        return;
    }
    emit::fixed_by::<ConnectResult>(
        |header| {
            // SAFETY: both are writable; a removed value stays readable until this program ends.
            unsafe {
                header.write((*entry).who);
                (*header).time = bpf_ktime_get_boot_ns();
            }
        },
        |body| {
            // SAFETY: as above.
            unsafe {
                (&raw mut (*body).socket).write((*entry).socket);
                // The kernel picks the port after SYN_SENT is set, so the entry has it only of a bound socket.
                if (*body).socket.source_port == 0 {
                    (*body).socket.source_port = sock.source_port();
                }
                (*body).elapsed = bpf_ktime_get_boot_ns().saturating_sub((*entry).who.time);
                (*body).result = (*entry).answer;
                (*body).fd = (*entry).fd;
            }
        },
    );
}
