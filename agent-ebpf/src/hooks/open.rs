//! `open`, at the exit of its system calls. Of a success everything but the name given comes from `struct file`.

use aya_ebpf::{helpers::generated::bpf_probe_read_user, macros::tracepoint, programs::TracePointContext};
use nightjar_events::event::open::{Open, SPAN_NAME, SPAN_PATH};

use super::{number, returned};
use crate::{
    emit, filter,
    read::{file::File, path, regs::Regs, task::Task},
    setting,
};

const AT_FDCWD: i32 = -100;
/// creat(2): these flags are implied.
const CREAT_FLAGS: u64 = 0o1101;
/// Without one of these (O_CREAT, __O_TMPFILE) the mode's register holds anything.
const MODE_COUNTS: u64 = 0o20000100;

/// `struct open_how` (include/uapi/linux/openat2.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

struct Call {
    variant: u16,
    dirfd: i32,
    name: u64,
    how: OpenHow,
}

/// At the exit of each of the calls: one program, so that the verifier does its work once.
#[tracepoint]
fn open_exit(ctx: TracePointContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    let Some(call) = call(number(&ctx), Regs::current()) else { return 0 };
    on_exit(returned(&ctx), call);
    0
}

#[inline(always)]
fn call(number: u64, regs: Regs) -> Option<Call> {
    let call = if number == setting!(sys_openat) {
        let how = OpenHow { flags: regs.arg2(), mode: regs.arg3(), resolve: 0 };
        Call { variant: 1, dirfd: regs.arg0() as i32, name: regs.arg1(), how }
    } else if number == setting!(sys_open) {
        let how = OpenHow { flags: regs.arg1(), mode: regs.arg2(), resolve: 0 };
        Call { variant: 0, dirfd: AT_FDCWD, name: regs.arg0(), how }
    } else if number == setting!(sys_openat2) {
        let mut how = OpenHow { flags: 0, mode: 0, resolve: 0 };
        // SAFETY: the helper checks the address; what it cannot read stays zero.
        unsafe {
            bpf_probe_read_user((&raw mut how).cast(), size_of::<OpenHow>() as u32, regs.arg2() as *const _);
        }
        Call { variant: 2, dirfd: regs.arg0() as i32, name: regs.arg1(), how }
    } else if number == setting!(sys_creat) {
        let how = OpenHow { flags: CREAT_FLAGS, mode: regs.arg1(), resolve: 0 };
        Call { variant: 3, dirfd: AT_FDCWD, name: regs.arg0(), how }
    } else {
        return None;
    };
    Some(call)
}

#[inline(always)]
fn on_exit(result: i64, call: Call) {
    emit::tailed::<Open>(call.variant, |body, tail| {
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            (*body).result = result as i32;
            (*body).dirfd = call.dirfd;
            (*body).flags = call.how.flags as u32;
            if call.how.flags & MODE_COUNTS != 0 {
                (*body).mode = call.how.mode as u32;
            }
            (*body).resolve = call.how.resolve;
            (*body).spans[SPAN_NAME] = tail.user_path(call.name);
        }
        if result < 0 {
            return;
        }
        let task = Task::current();
        let Some(file) = File::of_descriptor(task, result as u32) else { return };
        let inode = file.inode();
        // SAFETY: as above.
        unsafe {
            (*body).inode = inode.number();
            (*body).dev = inode.device();
            (*body).file_mode = inode.mode();
            (*body).created = u32::from(file.is_created());
            (*body).unnamed = u32::from(file.is_unnamed());
            (*body).spans[SPAN_PATH] = path::append(tail, task, file.mount(), file.dentry());
        }
    });
}
