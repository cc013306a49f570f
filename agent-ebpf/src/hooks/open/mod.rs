//! `open`: how its record is filled. When it is seen, and where the values come from, is up to `fentry` and
//! `tracepoint`.

mod fentry;
mod tracepoint;

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use nightjar_events::{
    event::open::{Open, SPAN_NAME, SPAN_PATH},
    wire::Span,
};

use crate::{
    emit::{self, Tail},
    read::{
        call::Call,
        file::{File, Opened},
        path,
        regs::Regs,
    },
};

const AT_FDCWD: i32 = -100;
/// creat(2): these flags are implied.
const CREAT_FLAGS: u64 = 0o1101;
/// Without one of these (O_CREAT, __O_TMPFILE) the mode means nothing, and its register holds anything.
const MODE_COUNTS: u64 = 0o20000100;

/// `struct open_how` (include/uapi/linux/openat2.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

impl OpenHow {
    /// The caller's; what cannot be read is zero.
    #[inline(always)]
    fn of_user(address: u64) -> OpenHow {
        let mut how = OpenHow { flags: 0, mode: 0, resolve: 0 };
        // SAFETY: the helper checks the address.
        unsafe {
            bpf_probe_read_user((&raw mut how).cast(), size_of::<OpenHow>() as u32, address as *const _)
        };
        how
    }
}

/// What the caller wants, but for the name.
#[repr(C)]
#[derive(Clone, Copy)]
struct Asked {
    resolve: u64,
    flags: u32,
    mode: u32,
    dirfd: i32,
    variant: u32,
}

impl Asked {
    #[inline(always)]
    fn new(call: Call, dirfd: i32, how: OpenHow) -> Asked {
        let mode = if how.flags & MODE_COUNTS != 0 { how.mode as u32 } else { 0 };
        Asked { resolve: how.resolve, flags: how.flags as u32, mode, dirfd, variant: variant(call) }
    }
}

/// Index into the page's `types`. What an io_uring is asked to open, it opens like openat.
#[inline(always)]
fn variant(call: Call) -> u32 {
    match call {
        Call::Open => 0,
        Call::Openat | Call::IoUring | Call::Connect => 1,
        Call::Openat2 => 2,
        Call::Creat => 3,
    }
}

/// What the caller's registers say, and where its name lies.
#[inline(always)]
fn of_registers(call: Call, regs: Regs) -> Option<(Asked, u64)> {
    let (dirfd, name, how) = match call {
        Call::Open => (AT_FDCWD, regs.arg0(), OpenHow { flags: regs.arg1(), mode: regs.arg2(), resolve: 0 }),
        Call::Openat => {
            (regs.arg0() as i32, regs.arg1(), OpenHow { flags: regs.arg2(), mode: regs.arg3(), resolve: 0 })
        }
        Call::Openat2 => (regs.arg0() as i32, regs.arg1(), OpenHow::of_user(regs.arg2())),
        Call::Creat => (AT_FDCWD, regs.arg0(), OpenHow { flags: CREAT_FLAGS, mode: regs.arg1(), resolve: 0 }),
        Call::Connect | Call::IoUring => return None,
    };
    Some((Asked::new(call, dirfd, how), name))
}

/// A file that was opened.
#[derive(Clone, Copy)]
enum Told {
    None,
    /// Its address is a pointer of which the verifier knows the type.
    Typed(File),
    Probed(File),
}

impl Told {
    /// By the result of a call that has returned.
    #[inline(always)]
    fn of_descriptor(result: i32) -> Told {
        let file = if result < 0 { None } else { File::of_descriptor(result as u32) };
        file.map_or(Told::None, Told::Probed)
    }

    #[inline(always)]
    fn facts(self) -> Option<Opened> {
        match self {
            Told::None => None,
            Told::Typed(file) => Some(file.opened_typed()),
            Told::Probed(file) => Some(file.opened()),
        }
    }

    #[inline(always)]
    fn path(self, tail: &Tail, opened: Opened) -> Span {
        match self {
            Told::None => Span::default(),
            Told::Typed(_) => path::append_typed(tail, opened.mount, opened.dentry),
            Told::Probed(_) => path::append_current(tail, opened.mount, opened.dentry),
        }
    }
}

/// Emits the record. `name` appends the name as given; `file` is what was opened.
#[inline(always)]
fn tell(asked: &Asked, result: i32, name: impl FnOnce(&Tail) -> Span, file: Told) {
    emit::tailed::<Open>(
        asked.variant as u16,
        #[inline(always)]
        |body, tail| {
            // SAFETY: the body is ours until it is submitted.
            unsafe {
                (*body).result = result;
                (*body).dirfd = asked.dirfd;
                (*body).flags = asked.flags;
                (*body).mode = asked.mode;
                (*body).resolve = asked.resolve;
                (*body).spans[SPAN_NAME] = name(tail);
            }
            let Some(facts) = file.facts() else { return };
            // SAFETY: as above.
            unsafe {
                (*body).inode = facts.inode;
                (*body).dev = facts.device;
                (*body).file_mode = facts.mode;
                (*body).created = facts.created;
                (*body).unnamed = facts.unnamed;
                (*body).spans[SPAN_PATH] = file.path(tail, facts);
            }
        },
    );
}
