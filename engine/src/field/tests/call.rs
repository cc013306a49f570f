//! Events that are system calls: arguments, paths, and sockets that somebody else began.

use super::*;

#[test]
fn a_path_begins_where_the_kernel_would_begin() {
    let at = case(
        "{type: unlinkat, path: ../x, dir: /srv/app, dirfd: 5, flags: AT_REMOVEDIR, proc: {cwd: /root}}",
    );
    says(
        &at,
        &[
            ("evt.type", "unlinkat"),
            ("evt.category", "file"),
            ("evt.res", "SUCCESS"),
            ("fs.path.name", "/srv/x"),
            ("fs.path.nameraw", "../x"),
            ("evt.arg.path", "/srv/x"),
            ("evt.arg.name", "/srv/x"),
            ("evt.arg.flags", "AT_REMOVEDIR"),
            ("evt.abspath", "/srv/x"),
            ("fs.path.source", "-"),
            ("syscall.type", "unlinkat"),
            ("fd.name", "-"),
        ],
    );
    let relative = case("{type: rmdir, path: full, res: ENOTEMPTY, proc: {cwd: /root}}");
    says(
        &relative,
        &[("fs.path.name", "/root/full"), ("evt.res", "ENOTEMPTY"), ("evt.arg.path", "/root/full")],
    );
    let absolute = case("{type: unlink, path: /etc/../z, proc: {cwd: /root}}");
    says(&absolute, &[("fs.path.name", "/z"), ("evt.arg.dir", "-")]);
    let nowhere = case("{type: unlinkat, path: a/b, dirfd: 9, res: EBADF}");
    let Value::Text(path) = value(&nowhere, "fs.path.name") else { panic!("a path") };
    assert_eq!(path, Text::cut(&b"a/b"[..], Cut::Front), "its front is not known");
}

#[test]
fn a_new_name_is_the_target_and_an_old_one_the_source() {
    let renamed = case("{type: rename, oldpath: .bash_history, newpath: /tmp/h, proc: {cwd: /root}}");
    says(
        &renamed,
        &[
            ("fs.path.source", "/root/.bash_history"),
            ("fs.path.sourceraw", ".bash_history"),
            ("fs.path.target", "/tmp/h"),
            ("fs.path.name", "-"),
            ("evt.arg.oldpath", "/root/.bash_history"),
            ("evt.arg.newpath", "/tmp/h"),
        ],
    );
    let linked = case("{type: symlinkat, target: ../etc/shadow, linkpath: l, linkdir: /tmp, linkdirfd: 3}");
    says(
        &linked,
        &[
            ("evt.arg.target", "../etc/shadow"),
            ("fs.path.source", "../etc/shadow"),
            ("fs.path.target", "/tmp/l"),
            ("evt.arg.linkpath", "/tmp/l"),
        ],
    );
}

#[test]
fn arguments_are_told_by_name() {
    says(
        &case("{type: fchmodat, filename: /bin/x, mode: S_ISUID|S_IXUSR}"),
        &[("evt.arg.mode", "S_IXUSR|S_ISUID"), ("evt.arg.filename", "/bin/x"), ("evt.rawarg.mode", "2112")],
    );
    says(
        &case("{type: fchmod, fd: 4, dir: /bin/x, mode: S_ISUID}"),
        &[("fs.path.name", "/bin/x"), ("fs.path.nameraw", "-"), ("evt.arg.filename", "-")],
    );
    says(&case("{type: ptrace, request: PTRACE_ATTACH, pid: 1}"), &[("evt.arg.request", "PTRACE_ATTACH")]);
    says(&case("{type: bpf, cmd: 5}"), &[("evt.arg.cmd", "BPF_PROG_LOAD"), ("evt.rawarg.cmd", "5")]);
    says(&case("{type: socket, domain: AF_PACKET}"), &[("evt.arg.domain", "AF_PACKET"), ("fd.type", "-")]);
    says(
        &case("{type: kill, pid: 1, sig: SIGKILL}"),
        &[("evt.arg.sig", "SIGKILL"), ("evt.category", "process")],
    );
}

#[test]
fn an_id_that_the_process_has_after_the_call_is_told_by_its_name() {
    let same = case("{type: setuid, uid: 65534, proc: {euid: 65534, user: nobody}}");
    says(&same, &[("evt.arg.uid", "nobody"), ("evt.rawarg.uid", "65534")]);
    let refused = case("{type: setuid, uid: 0, res: EPERM, proc: {euid: 65534, user: nobody}}");
    says(&refused, &[("evt.arg.uid", "0"), ("evt.res", "EPERM")]);
    let group = case("{type: setregid, rgid: -1, egid: 42, proc: {egid: 42, group: shadow}}");
    says(&group, &[("evt.arg.rgid", "-1"), ("evt.arg.egid", "shadow"), ("evt.arg.uid", "-")]);
}

#[test]
fn who_accepts_is_the_server() {
    let accepted =
        case("{type: accept4, res: 7, fd: 3, saddr: 10.0.0.1, sport: 80, daddr: 9.9.9.9, dport: 4000}");
    says(
        &accepted,
        &[
            ("fd.name", "9.9.9.9:4000->10.0.0.1:80"),
            ("fd.num", "7"),
            ("fd.cip", "9.9.9.9"),
            ("fd.sip", "10.0.0.1"),
            ("fd.sport", "80"),
            ("fd.lport", "80"),
            ("fd.rport", "4000"),
            ("fd.is_server", "true"),
            ("fd.connected", "true"),
            ("fd.name_changed", "false"),
            ("fd.l4proto", "tcp"),
            ("fd.typechar", "4"),
            ("evt.rawres", "7"),
        ],
    );
    says(
        &case("{type: listen, fd: 3, backlog: 128, saddr: 0.0.0.0, sport: 80}"),
        &[
            ("fd.name", "0.0.0.0:80"),
            ("fd.sip", "0.0.0.0"),
            ("fd.cip", "-"),
            ("fd.ip", "0.0.0.0"),
            ("fd.num", "3"),
        ],
    );
}

#[test]
fn a_datagram_to_an_address_names_the_socket() {
    let sent = case("{type: sendto, res: 20, fd: 3, saddr: 0.0.0.0, sport: 5000, daddr: 8.8.8.8, dport: 53}");
    says(
        &sent,
        &[
            ("fd.name", "0.0.0.0:5000->8.8.8.8:53"),
            ("fd.sip", "8.8.8.8"),
            ("fd.l4proto", "udp"),
            ("fd.connected", "false"),
            ("fd.name_changed", "true"),
        ],
    );
    let received = case("{type: recvmsg, res: 20, saddr: 10.0.0.1, sport: 53, daddr: 9.9.9.9, dport: 5000}");
    says(
        &received,
        &[("fd.name", "9.9.9.9:5000->10.0.0.1:53"), ("fd.cip", "9.9.9.9"), ("fd.is_server", "true")],
    );
}

#[test]
fn a_copied_descriptor_is_what_it_leads_to() {
    let shell = case(
        "{type: dup2, res: 0, oldfd: 3, newfd: 0, saddr: 10.0.0.1, sport: 40000, daddr: 9.9.9.9, dport: 4444}",
    );
    says(
        &shell,
        &[
            ("fd.num", "0"),
            ("fd.type", "ipv4"),
            ("fd.name", "10.0.0.1:40000->9.9.9.9:4444"),
            ("fd.sip", "9.9.9.9"),
            ("evt.rawres", "0"),
        ],
    );
    let file = case("{type: dup3, res: 1, oldfd: 3, newfd: 1, file: /tmp/log, flags: O_CLOEXEC}");
    says(&file, &[("fd.num", "1"), ("fd.name", "/tmp/log"), ("fd.type", "-"), ("fd.sip", "-")]);
    let failed = case("{type: dup, res: EBADF, oldfd: 99}");
    says(&failed, &[("fd.num", "-1"), ("fd.name", "-"), ("evt.res", "EBADF")]);
}
