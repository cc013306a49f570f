//! `exec`. Everything is read in sched_process_exec, which fires after the new image is in place and before it has
//! run an instruction: its memory holds what the kernel put there.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel,
    macros::{btf_tracepoint, map},
    maps::LruHashMap,
    programs::BtfTracePointContext,
};
use nightjar_events::{
    control::ABSENT,
    event::exec::{
        EXE_DELETED, EXE_MEMFD, EXE_UPPER_LAYER, Exec, SCRIPT, SPAN_ARGS, SPAN_CWD, SPAN_EXE, SPAN_FILENAME,
    },
    failure::Place,
    wire::COMM_LEN,
};

use super::arg;
use crate::{
    emit, failed, filter, offset,
    read::{file::File, path, read, task::Task},
};

/// Names just before they are overwritten, by thread. Small: an exec reads its entry microseconds later.
#[map]
static RENAMED: LruHashMap<u32, Comm> = LruHashMap::with_max_entries(4096, 0);

/// `task_struct::comm` as two words; an array would be copied byte by byte.
#[repr(C)]
#[derive(Clone, Copy)]
struct Comm(u64, u64);

const VARIANT_EXECVE: u16 = 0;
const VARIANT_EXECVEAT: u16 = 1;

/// task_rename(task, comm)
#[btf_tracepoint(function = "task_rename")]
fn exec_rename(ctx: BtfTracePointContext) -> i32 {
    let task = Task(arg(&ctx, 0));
    let comm = Comm(read(task.comm_address()), read(task.comm_address() + 8));
    // A full table evicts.
    failed::unless(RENAMED.insert(task.tid(), comm, 0).is_ok(), Place::FormerNameKept);
    0
}

/// sched_process_exec(task, old_pid, bprm)
#[btf_tracepoint(function = "sched_process_exec")]
fn exec(ctx: BtfTracePointContext) -> i32 {
    if filter::is_self() {
        return 0;
    }
    let task = Task(arg(&ctx, 0));
    let binprm = arg(&ctx, 2);
    // execveat through a descriptor makes up a /dev/fd path.
    let by_descriptor = offset!(binprm_fdpath) != ABSENT && read::<u64>(binprm + offset!(binprm_fdpath)) != 0;
    let variant = if by_descriptor { VARIANT_EXECVEAT } else { VARIANT_EXECVE };
    emit::tailed::<Exec>(variant, |body, tail| {
        ids(body, task);
        credentials(body, task.cred());
        namespaces(body, task);
        names(body, task);
        let mm = task.mm();
        let exe = File(read(mm + offset!(mm_exe_file)));
        program(body, exe);
        let fs = task.fs();
        let filename: u64 = read(binprm + offset!(binprm_filename));
        let interpreter: u64 = read(binprm + offset!(binprm_interp));
        let args: u64 = read(mm + offset!(mm_arg_start));
        let args_end: u64 = read(mm + offset!(mm_arg_end));
        // SAFETY: the body is ours until it is submitted.
        unsafe {
            if interpreter != filename {
                (*body).flags |= SCRIPT;
            }
            (*body).argc = read(binprm + offset!(binprm_argc));
            (*body).spans[SPAN_EXE] = path::append(tail, task, exe.mount(), exe.dentry());
            (*body).spans[SPAN_CWD] =
                path::append(tail, task, read(fs + offset!(fs_pwd_mnt)), read(fs + offset!(fs_pwd_dentry)));
            (*body).spans[SPAN_FILENAME] = tail.kernel_path(filename);
            (*body).spans[SPAN_ARGS] =
                failed::unless_read(tail.user_bytes(args, args_end.wrapping_sub(args)), Place::Argv);
        }
    });
    0
}

#[inline(always)]
fn ids(body: *mut Exec, task: Task) {
    let parent = task.parent().leader();
    let signal = task.signal();
    let pid = task.pid();
    let level = pid.level();
    // SAFETY: the body is ours until it is submitted.
    unsafe {
        (*body).ppid = parent.tgid();
        (*body).parent_start = parent.start();
        (*body).vpid = pid.nr_at(level);
        (*body).pid_ns = pid.namespace();
        (*body).pgid = signal.pgid().nr();
        (*body).vpgid = signal.pgid().nr_at(level);
        (*body).sid = signal.sid().nr();
        (*body).tty = signal.tty();
        (*body).loginuid = task.loginuid();
    }
}

#[inline(always)]
fn credentials(body: *mut Exec, cred: u64) {
    let user_ns: u64 = read(cred + offset!(cred_user_ns));
    // SAFETY: the body is ours until it is submitted.
    unsafe {
        (*body).uid = read(cred + offset!(cred_uid));
        (*body).gid = read(cred + offset!(cred_gid));
        (*body).euid = read(cred + offset!(cred_euid));
        (*body).egid = read(cred + offset!(cred_egid));
        (*body).cap_inheritable = read(cred + offset!(cred_cap_inheritable));
        (*body).cap_permitted = read(cred + offset!(cred_cap_permitted));
        (*body).cap_effective = read(cred + offset!(cred_cap_effective));
        (*body).user_ns = read(user_ns + offset!(user_ns_inum));
    }
}

#[inline(always)]
fn namespaces(body: *mut Exec, task: Task) {
    let proxy = task.nsproxy();
    // SAFETY: the body is ours until it is submitted.
    unsafe {
        (*body).mnt_ns = read(read::<u64>(proxy + offset!(nsproxy_mnt)) + offset!(mnt_ns_inum));
        (*body).net_ns = read(read::<u64>(proxy + offset!(nsproxy_net)) + offset!(net_inum));
        (*body).uts_ns = read(read::<u64>(proxy + offset!(nsproxy_uts)) + offset!(uts_ns_inum));
        (*body).ipc_ns = read(read::<u64>(proxy + offset!(nsproxy_ipc)) + offset!(ipc_ns_inum));
        (*body).cgroup_ns = read(read::<u64>(proxy + offset!(nsproxy_cgroup)) + offset!(cgroup_ns_inum));
    }
}

#[inline(always)]
fn names(body: *mut Exec, task: Task) {
    let tid = task.tid();
    // SAFETY: `comm` is COMM_LEN bytes on both sides; the map's value lives until this program ends.
    unsafe {
        bpf_probe_read_kernel(
            (&raw mut (*body).comm).cast(),
            COMM_LEN as u32,
            task.comm_address() as *const _,
        );
        if let Some(before) = RENAMED.get_ptr(tid) {
            let to = (&raw mut (*body).comm_before).cast::<u64>();
            to.write((*before).0);
            to.add(1).write((*before).1);
        }
    }
    failed::unless(RENAMED.remove(tid).is_ok(), Place::FormerNameGone);
}

#[inline(always)]
fn program(body: *mut Exec, exe: File) {
    let inode = exe.inode();
    let memfd = exe.is_memfd();
    // SAFETY: the body is ours until it is submitted.
    unsafe {
        (*body).exe_inode = inode.number();
        (*body).exe_dev = inode.device();
        (*body).exe_mtime = inode.mtime();
        (*body).exe_ctime = inode.ctime();
        if memfd {
            (*body).flags |= EXE_MEMFD;
        } else if exe.is_unnamed() {
            (*body).flags |= EXE_DELETED;
        }
        if inode.is_upper_layer() {
            (*body).flags |= EXE_UPPER_LAYER;
        }
    }
}
