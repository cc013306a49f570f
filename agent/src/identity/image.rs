//! From records to process images: what an exec says of the new program, what a child takes from its parent.
//!
//! Pure: names of users and ancestors are added by others.

use nightjar_engine::{
    Process,
    value::{absolute, path, split},
};
use nightjar_events::{
    Body, Header, Raw, Record,
    event::{
        exec::{self, Exec},
        fork::Fork,
    },
    wire::{Cut, comm},
};

use super::{clock::Clock, limits::ARGS_KEPT};

/// `loginuid` of a process that no login session began.
const NO_LOGIN: u32 = u32::MAX;

/// The image that an exec record describes, whole. Of the process before, only who made it stays.
pub fn after_exec(
    header: &Header,
    exec: &Exec,
    tail: &[u8],
    before: Option<&Process>,
    clock: Clock,
) -> Process {
    let body = Body::Exec(*exec);
    let record = Record { header, body: &body, tail };
    let (args, args_cut) = match record.list(&exec.spans[exec::SPAN_ARGS]) {
        Raw::List(bytes, cut) => {
            (split(bytes, cut).into_iter().map(|arg| arg.bytes.into_owned()).collect(), cut != Cut::None)
        }
        _ => (Vec::new(), true),
    };
    let (exe_path, exe_path_cut) = joined(record.path(&exec.spans[exec::SPAN_EXE]));
    let (cwd, _) = joined(record.path(&exec.spans[exec::SPAN_CWD]));
    let script_path = script(exec, record.text(&exec.spans[exec::SPAN_FILENAME]), &cwd);
    Process {
        pid: header.pid,
        start: header.start,
        start_time: clock.wall(header.start),
        // Who made it, as in `parent`: the record names init once the maker is gone.
        ppid: before.map_or(exec.ppid, |before| before.ppid),
        vpid: exec.vpid,
        pgid: exec.pgid,
        vpgid: exec.vpgid,
        sid: exec.sid,
        tty: exec.tty,
        comm: text(comm(&exec.comm)),
        exe_path,
        exe_path_cut,
        script_path,
        args,
        args_cut,
        cwd,
        uid: exec.uid,
        gid: exec.gid,
        euid: exec.euid,
        egid: exec.egid,
        loginuid: Some(exec.loginuid).filter(|uid| *uid != NO_LOGIN),
        user: None,
        group: None,
        login_user: None,
        cap_effective: exec.cap_effective,
        cap_permitted: exec.cap_permitted,
        cap_inheritable: exec.cap_inheritable,
        exe_inode: exec.exe_inode,
        exe_mtime: exec.exe_mtime,
        exe_ctime: exec.exe_ctime,
        exe_from_memfd: exec.flags & exec::EXE_MEMFD != 0,
        exe_upper_layer: exec.flags & exec::EXE_UPPER_LAYER != 0,
        exe_deleted: exec.flags & exec::EXE_DELETED != 0,
        pid_ns: exec.pid_ns,
        parent: before.and_then(|before| before.parent.clone()),
    }
}

/// A child just made: its maker's image under its own numbers.
pub fn after_fork(maker: &Process, fork: &Fork, clock: Clock) -> Process {
    Process {
        pid: fork.child_pid,
        start: fork.child_start,
        start_time: clock.wall(fork.child_start),
        ppid: maker.pid,
        vpid: fork.child_vpid,
        // Its group has no number in a pid namespace that was made after the group.
        vpgid: if fork.child_pid_ns == maker.pid_ns { maker.vpgid } else { 0 },
        pid_ns: fork.child_pid_ns,
        comm: text(comm(&fork.comm)),
        parent: None,
        ..maker.clone()
    }
}

/// All that is left to say of a process that came and went unseen: what the record itself knows.
pub fn from_header(header: &Header, body: &Body, clock: Clock) -> Process {
    let comm = if let Body::Exit(exit) = body { text(comm(&exit.comm)) } else { Vec::new() };
    Process {
        pid: header.pid,
        start: header.start,
        start_time: clock.wall(header.start),
        uid: header.uid,
        euid: header.uid,
        comm,
        ..Process::default()
    }
}

/// The same image with no more arguments than the table keeps; `None` when it is small enough as it is.
pub fn shortened(process: &Process) -> Option<Process> {
    let args = keep_args(&process.args, ARGS_KEPT)?;
    Some(Process { args, args_cut: true, ..process.clone() })
}

/// The first `limit` bytes of an argument vector, counted with their NULs; `None` when that is all of it.
pub fn keep_args(args: &[Vec<u8>], limit: usize) -> Option<Vec<Vec<u8>>> {
    let mut left = limit;
    for (i, arg) in args.iter().enumerate() {
        if arg.len() + 1 > left {
            let mut kept = args[..i].to_vec();
            kept.push(arg[..left.min(arg.len())].to_vec());
            return Some(kept);
        }
        left -= arg.len() + 1;
    }
    None
}

/// Of a script given by descriptor the kernel only says `/dev/fd/N`.
fn script(exec: &Exec, filename: Raw<'_>, cwd: &[u8]) -> Vec<u8> {
    match filename {
        Raw::Text(name, Cut::None) if exec.flags & exec::SCRIPT != 0 => absolute(cwd, name),
        _ => Vec::new(),
    }
}

fn joined(raw: Raw<'_>) -> (Vec<u8>, bool) {
    match raw {
        Raw::Path(parts, cut) => (path(parts, cut), cut != Cut::None),
        _ => (Vec::new(), false),
    }
}

fn text(raw: Raw<'_>) -> Vec<u8> {
    match raw {
        Raw::Text(bytes, _) => bytes.to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(args: &[&str]) -> Vec<Vec<u8>> {
        args.iter().map(|arg| arg.as_bytes().to_vec()).collect()
    }

    #[test]
    fn arguments_are_cut_at_the_limit_and_not_before() {
        assert_eq!(keep_args(&list(&["sh", "-c"]), 6), None);
        assert_eq!(
            keep_args(&list(&["sh", "-c"]), 5),
            Some(list(&["sh", "-c"])),
            "the last NUL is beyond the limit"
        );
        assert_eq!(keep_args(&list(&["sh", "-c", "id"]), 4), Some(list(&["sh", "-"])));
        assert_eq!(keep_args(&list(&["sh", "-c", "id"]), 3), Some(list(&["sh", ""])));
    }

    #[test]
    fn a_script_is_found_from_where_it_was_started() {
        let script_of = |flags, name: &str| {
            let exec = Exec { flags, ..Exec::default() };
            String::from_utf8(script(&exec, Raw::Text(name.as_bytes(), Cut::None), b"/srv/app")).unwrap()
        };
        assert_eq!(script_of(exec::SCRIPT, "./run.sh"), "/srv/app/run.sh");
        assert_eq!(script_of(exec::SCRIPT, "../bin/run.sh"), "/srv/bin/run.sh");
        assert_eq!(script_of(exec::SCRIPT, "/opt/run.sh"), "/opt/run.sh");
        assert_eq!(script_of(0, "/bin/true"), "", "a binary");
    }

    #[test]
    fn arguments_that_could_not_be_read_count_as_cut() {
        let image = after_exec(&Header::default(), &Exec::default(), &[], None, Clock::started_at(0));
        assert!(image.args.is_empty() && image.args_cut);
    }
}
