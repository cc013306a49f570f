//! Fields of the event itself, and its arguments.

use super::*;

#[test]
fn arguments_are_found_by_the_page_and_by_falcos_names() {
    let (field, arg) = resolve("evt.arg.flags").expect("evt.arg.flags");
    assert_eq!((field.name, arg), ("evt.arg", Arg::Key("flags".to_owned())));
    assert!(
        resolve("evt.arg.nonsense").is_none() && resolve("evt.rawarg.").is_none() && resolve("evt").is_none()
    );
    assert_eq!(arg::kinds("oldpath").collect::<Vec<_>>(), [Kind::Rename, Kind::Link]);
    assert_eq!(
        arg::kinds("addr").collect::<Vec<_>>(),
        [Kind::Connect, Kind::ConnectResult, Kind::Ptrace, Kind::Bind, Kind::Mprotect, Kind::Mmap]
    );
    assert_eq!(arg::kinds("nonsense").count(), 0);

    says(
        &of(open(|_, _| ())),
        &[
            ("evt.arg.flags", "O_RDONLY|O_CLOEXEC"),
            ("evt.rawarg.flags", "524288"),
            ("evt.arg[file_mode]", "0640"),
            ("evt.arg.mode", "0000"),
            ("evt.arg.fd", "3"),
            ("evt.arg.file_type", "file"),
            ("evt.rawarg.file_type", "32768"),
            ("evt.arg[oldpath]", "-"),
        ],
    );
    says(
        &of(failed_open(b"../x/./y", -100)),
        &[("evt.arg.name", "/var/x/y"), ("evt.arg.res", "EACCES"), ("evt.rawarg.res", "-13")],
    );
    says(
        &of(connect(|_, _| ())),
        &[("evt.arg.addr", "1.2.3.4:443"), ("evt.arg.tuple", "10.0.0.1:3456->1.2.3.4:443")],
    );
    says(
        &of(exit(0x8b)),
        &[
            ("evt.arg.status", "139"),
            ("evt.arg.sig", "11"),
            ("evt.arg.core", "true"),
            ("evt.rawarg.core", "1"),
        ],
    );
    says(
        &of(exec()),
        &[
            ("evt.arg.res", "0"),
            ("evt.arg.exe", "/bin/cat"),
            ("evt.arg.trusted_exepath", "/bin/cat"),
            ("evt.arg.args", "cat /etc/shadow"),
        ],
    );
}

#[test]
fn an_event_says_what_when_and_how_it_ended() {
    let opened = of(open(|_, _| ()));
    says(
        &opened,
        &[
            ("evt.num", "7"),
            ("evt.type", "openat"),
            ("evt.category", "file"),
            ("evt.dir", "<"),
            ("evt.cpu", "1"),
            ("evt.time", "00:00:00.000000001"),
            ("evt.datetime.s", "2026-01-01 00:00:00"),
            ("evt.time.iso8601", "2026-01-01T00:00:00.000000001+0000"),
            ("evt.rawtime.s", "1767225600"),
            ("evt.res", "SUCCESS"),
            ("evt.rawres", "3"),
            ("evt.failed", "false"),
        ],
    );
    assert!(ask(&opened, "evt.args").is_some_and(|args| {
        args.starts_with("res=3 path=/etc/shadow name=/etc/shadow flags=O_RDONLY|O_CLOEXEC mode=0000 ")
    }));
    says(
        &of(failed_open(b"/x", -100)),
        &[("evt.res", "EACCES"), ("evt.rawres", "-13"), ("evt.failed", "true")],
    );
    says(&of(connect(|c, _| c.result = -115)), &[("evt.res", "EINPROGRESS"), ("evt.rawres", "-115")]);
    says(&of(exec()), &[("evt.res", "SUCCESS"), ("evt.rawres", "0"), ("evt.type", "execve")]);
    says(
        &of(exit(0)),
        &[("evt.res", "-"), ("evt.failed", "-"), ("evt.type", "procexit"), ("syscall.type", "-")],
    );
    says(&of(fork()), &[("evt.rawres", "202"), ("evt.type", "clone")]);
}

#[test]
fn the_kind_of_open_follows_from_flags_and_mode() {
    let with = |flags: u32, mode: u32, created: u32| {
        of(open(|open, _| (open.flags, open.mode, open.created) = (flags, mode, created)))
    };
    let kinds = |event: &Event| {
        ["read", "write", "exec", "create"]
            .map(|kind| ask(event, &format!("evt.is_open_{kind}")) == Some("true".to_owned()))
    };
    assert_eq!(kinds(&with(0, 0, 0)), [true, false, false, false]);
    assert_eq!(kinds(&with(1, 0o755, 0)), [false, true, false, false]);
    assert_eq!(kinds(&with(2 | 0o100, 0o644, 1)), [true, true, false, true]);
    assert_eq!(kinds(&with(1 | 0o100, 0o755, 0)), [false, true, true, false]);
    assert_eq!(kinds(&with(2 | 0o20200000, 0o600, 0)), [true, true, false, true]);
    assert_eq!(kinds(&with(0o10000000, 0, 0)), [false; 4], "O_PATH neither reads nor writes");
    let creat = case("{type: creat, path: /tmp/x, flags: 0, mode: \"0755\", created: true}");
    assert_eq!(kinds(&creat), [false, true, true, true]);
    assert_eq!(ask(&of(exec()), "evt.is_open_read"), None);
}
