use std::{collections::HashSet, sync::Arc};

use nightjar_events::{EVENTS, Kind, Span, event::connect::Socket};

use super::*;
use crate::{
    event::{Event, Payload, Process, sample::*},
    value::Text,
};

/// What a field says of an event, as outputs print it; `None` when absent.
fn ask(event: &Event, expr: &str) -> Option<String> {
    let (name, arg) = match expr.strip_suffix(']').and_then(|expr| expr.split_once('[')) {
        Some((name, arg)) => (name, arg.parse().map_or_else(|_| Arg::Key(arg.to_owned()), Arg::Index)),
        None => (expr, Arg::None),
    };
    let (field, own) = resolve(name).unwrap_or_else(|| panic!("no field {name}"));
    let value = field.value(event, if own == Arg::None { &arg } else { &own });
    value.into_text().map(|text| String::from_utf8_lossy(&text.bytes).into_owned())
}

#[track_caller]
fn says(event: &Event, expected: &[(&str, &str)]) {
    for (expr, value) in expected {
        let expected = (*value != "-").then(|| (*value).to_owned());
        assert_eq!(ask(event, expr), expected, "{expr}");
    }
}

fn value<'e>(event: &'e Event, name: &str) -> Value<'e> {
    lookup(name).expect("a field").value(event, &Arg::None)
}

fn of(payload: Payload) -> Event {
    event(payload, process(), Some(container()))
}

#[test]
fn rows_are_unique_documented_and_of_their_class() {
    let mut seen = HashSet::new();
    for class in CLASSES {
        for field in class.rows {
            assert!(seen.insert(field.name), "{} is there twice", field.name);
            assert!(field.doc.ends_with('.') && field.doc.len() > 4, "{} needs a sentence", field.name);
            let own = field.name.strip_prefix(class.name).is_some_and(|rest| rest.starts_with('.'));
            assert!(own || field.name == "syscall.type", "{} in class {}", field.name, class.name);
        }
    }
}

#[test]
fn every_row_answers_every_event_without_panic_and_only_those_it_names() {
    let bare = |kind| Event {
        time: 0,
        number: 1,
        tid: 0,
        cpu: 0,
        cgroup_id: 0,
        payload: Payload::Case { kind, variant: 0, values: Default::default() },
        process: Arc::new(Process::default()),
        container: None,
    };
    let zeros = |kind: Kind| record(kind, 0, &vec![0; kind.body_size()], &Tail::default());
    let full: Vec<_> = [
        exec(),
        fork(),
        exit(0),
        open(|_, _| ()),
        failed_open(b"x", 4),
        connect(|_, _| ()),
        connect_result(0),
    ]
    .into_iter()
    .flat_map(|payload| {
        [event(payload.clone(), process(), Some(container())), event(payload, Process::default(), None)]
    })
    .collect();
    let kinds = EVENTS.iter().map(|event| event.kind);
    let events: Vec<_> =
        kinds.clone().map(bare).chain(kinds.map(|kind| of(zeros(kind)))).chain(full).collect();
    for field in all() {
        for event in &events {
            let args = [
                Arg::None,
                Arg::Index(0),
                Arg::Index(u32::MAX),
                Arg::Key(String::new()),
                Arg::Key("res".to_owned()),
            ];
            for arg in &args {
                let value = field.value(event, arg);
                let has = field.needs.is_empty() || field.needs.contains(&event.kind());
                assert!(has || value.is_absent(), "{} of {:?} is {value:?}", field.name, event.kind());
            }
        }
        // A row that no event of the sample answers is a row that cannot be answered.
        let keys = ["0", "app", "path", "res", "/etc"].map(|key| Arg::Key(key.to_owned()));
        let args = [Arg::None, Arg::Index(0)].into_iter().chain(keys).collect::<Vec<_>>();
        let unanswered = [
            "container.image.id",
            "container.mount.propagation",
            "k8s.pod.uid",
            "k8s.pod.id",
            "user.loginname",
        ];
        let answered = events.iter().any(|event| args.iter().any(|arg| !field.value(event, arg).is_absent()));
        assert!(answered || unanswered.contains(&field.name), "nothing has {}", field.name);
    }
}

#[test]
fn arguments_are_found_by_the_page_and_by_falcos_names() {
    let (field, arg) = resolve("evt.arg.flags").expect("evt.arg.flags");
    assert_eq!((field.name, arg), ("evt.arg", Arg::Key("flags".to_owned())));
    assert!(
        resolve("evt.arg.nonsense").is_none() && resolve("evt.rawarg.").is_none() && resolve("evt").is_none()
    );
    assert_eq!(arg::kinds("daddr").collect::<Vec<_>>(), [Kind::Connect, Kind::ConnectResult]);
    assert_eq!(arg::kinds("tuple").collect::<Vec<_>>(), [Kind::Connect, Kind::ConnectResult]);
    assert_eq!(arg::kinds("oldpath").count(), 0);

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

#[test]
fn a_process_and_its_ancestors_are_told_apart() {
    let event = of(exec());
    says(
        &event,
        &[
            ("proc.name", "cat"),
            ("proc.pname", "sh"),
            ("proc.aname[0]", "cat"),
            ("proc.aname[1]", "sh"),
            ("proc.aname[2]", "nginx"),
            ("proc.aname[3]", "-"),
            ("proc.aname", "sh,nginx"),
            ("proc.exe", "cat"),
            ("proc.pexe", "sh"),
            ("proc.aexe[2]", "nginx: master process"),
            ("proc.exepath", "/bin/cat"),
            ("proc.pexepath", "/bin/dash"),
            ("proc.aexepath[2]", "/usr/sbin/nginx"),
            ("proc.args", "/etc/shadow"),
            ("proc.args[0]", "/etc/shadow"),
            ("proc.args[1]", "-"),
            ("proc.cmdline", "cat /etc/shadow"),
            ("proc.pcmdline", "sh -c id; cat /etc/shadow"),
            ("proc.acmdline[2]", "nginx"),
            ("proc.exeline", "cat /etc/shadow"),
            ("proc.cmdnargs", "1"),
            ("proc.cmdlenargs", "11"),
            ("proc.cwd", "/var/www/"),
            ("proc.tty", "34816"),
            ("proc.pid", "201"),
            ("proc.ppid", "200"),
            ("proc.apid[2]", "100"),
            ("proc.vpid", "21"),
            ("proc.pvpid", "20"),
            ("proc.sname", "nginx"),
            ("proc.sid.exepath", "/usr/sbin/nginx"),
            ("proc.is_sid_leader", "false"),
            ("proc.pgid.name", "sh"),
            ("proc.vpgid.name", "sh"),
            ("proc.is_vpgid_leader", "false"),
            ("proc.loginshellid", "200"),
            ("proc.is_exe_upper_layer", "true"),
            ("proc.is_exe_from_memfd", "false"),
            ("proc.exe_ino", "12"),
        ],
    );
    assert_eq!(value(&event, "proc.aname"), Value::Any(vec![Value::text("sh"), Value::text("nginx")]));
    assert_eq!(value(&event, "proc.duration"), Value::Uint(1_000_000_000));
    assert_eq!(value(&event, "proc.ppid.duration"), Value::Uint(2_000_000_001));
    assert_eq!(value(&event, "proc.exe_ino.ctime_duration_proc_start"), Value::Uint(1));
}

#[test]
fn what_is_not_known_of_a_process_is_absent_not_zero() {
    let event = event(exec(), Process::default(), None);
    for name in [
        "proc.name",
        "proc.cmdline",
        "proc.args",
        "proc.exe",
        "proc.exepath",
        "proc.cwd",
        "proc.pid",
        "proc.vpid",
        "proc.pname",
        "proc.aname",
        "proc.sname",
        "proc.is_vpgid_leader",
        "proc.duration",
        "proc.exe_ino.ctime",
    ] {
        assert_eq!(ask(&event, name), None, "{name}");
    }
    // No terminal is a fact.
    says(
        &event,
        &[
            ("proc.tty", "0"),
            ("user.uid", "0"),
            ("user.loginuid", "-1"),
            ("user.loginname", "-"),
            ("user.name", "-"),
        ],
    );
    let nameless = Process { exe_path: b"/x".to_vec(), ..Process::default() };
    let named = crate::event::sample::event(exec(), nameless, None);
    assert_eq!(value(&named, "proc.name"), Value::text(""));
}

#[test]
fn the_eldest_in_a_session_stands_for_a_leader_that_is_gone() {
    let parent = Process { pid: 5, sid: 3, comm: b"old".to_vec(), ..Process::default() };
    let child = Process {
        pid: 6,
        sid: 3,
        comm: b"new".to_vec(),
        parent: Some(Arc::new(parent)),
        ..Process::default()
    };
    says(&event(exec(), child, None), &[("proc.sname", "old"), ("proc.is_sid_leader", "false")]);
    let leader = Process { pid: 6, sid: 6, comm: b"own".to_vec(), ..Process::default() };
    says(&event(exec(), leader, None), &[("proc.sname", "own"), ("proc.is_sid_leader", "true")]);
}

#[test]
fn bytes_that_are_no_utf8_pass_through() {
    let odd = Process {
        comm: b"\xffsh".to_vec(),
        args: vec![b"x".to_vec(), b"\xc3(".to_vec()],
        ..Process::default()
    };
    let odd = event(exec(), odd, None);
    assert_eq!(value(&odd, "proc.cmdline"), Value::text(b"\xffsh \xc3("));
    assert_eq!(value(&odd, "proc.exe"), Value::text("x"));
}

#[test]
fn ids_and_capabilities_are_the_effective_ones() {
    says(
        &of(exec()),
        &[
            ("user.uid", "0"),
            ("user.name", "root"),
            ("group.gid", "42"),
            ("group.name", "shadow"),
            ("user.loginuid", "-1"),
            ("thread.tid", "201"),
            ("thread.ismain", "true"),
            ("thread.nametid", "cat201"),
            ("thread.cap_effective", "CAP_DAC_OVERRIDE CAP_SYS_ADMIN"),
            ("thread.cap_permitted", ""),
        ],
    );
    let login = Process { loginuid: Some(1000), login_user: Some("ann".to_owned()), ..Process::default() };
    says(&event(exec(), login, None), &[("user.loginuid", "1000"), ("user.loginname", "ann")]);
}

#[test]
fn an_opened_file_is_where_the_kernel_found_it() {
    says(
        &of(open(|_, _| ())),
        &[
            ("fd.num", "3"),
            ("fd.type", "file"),
            ("fd.typechar", "f"),
            ("fd.name", "/etc/shadow"),
            ("fd.nameraw", "/etc/shadow"),
            ("fd.directory", "/etc"),
            ("fd.filename", "shadow"),
            ("fd.containername", "3f4e5d6c7b8a:/etc/shadow"),
            ("fd.containerdirectory", "3f4e5d6c7b8a:/etc"),
            ("fd.ino", "77"),
            ("fd.dev", "1050668"),
            ("fd.dev.major", "8"),
            ("fd.dev.minor", "300"),
            ("fd.uid", "2013"),
            ("fd.ip", "-"),
            ("fd.l4proto", "-"),
            ("evt.abspath", "/etc/shadow"),
        ],
    );
    let link = of(open(|open, tail| open.spans[1] = tail.put(b"..//up/link", Span::WHOLE)));
    says(&link, &[("fd.name", "/etc/shadow"), ("fd.nameraw", "../up/link")]);
    let dir = of(open(|open, _| open.file_mode = 0o040755));
    says(
        &dir,
        &[
            ("fd.typechar", "d"),
            ("fd.type", "directory"),
            ("fd.directory", "/etc/shadow"),
            ("fd.filename", "-"),
        ],
    );
    let top = of(open(|open, tail| open.spans[0] = tail.path("/vmlinuz", Span::WHOLE)));
    says(&top, &[("fd.directory", "/"), ("fd.filename", "vmlinuz")]);
}

#[test]
fn a_failed_open_is_told_by_what_was_asked_for() {
    says(
        &of(failed_open(b"../../etc//./shadow", -100)),
        &[
            ("fd.num", "-1"),
            ("fd.typechar", "f"),
            ("fd.name", "/etc/shadow"),
            ("fd.nameraw", "../../etc/./shadow"),
            ("fd.directory", "/etc"),
            ("fd.filename", "shadow"),
            ("fd.ino", "-"),
        ],
    );
    // Relative to a descriptor: only the end of the path is known.
    let text = |bytes: &'static [u8], cut| Value::Text(Text::cut(bytes, cut));
    let beneath = of(failed_open(b"a/b", 7));
    assert_eq!(value(&beneath, "fd.name"), text(b"a/b", Cut::Front));
    assert_eq!(value(&beneath, "fd.directory"), text(b"a", Cut::Front));
    assert_eq!(value(&beneath, "fd.filename"), text(b"b", Cut::None));
    assert_eq!(value(&of(failed_open(b"b", 7)), "fd.directory"), Value::Absent);
    let wants_dir = of(open(|open, tail| {
        open.spans = [Span::default(), tail.put(b"/x", Span::WHOLE)];
        (open.result, open.flags) = (-2, 0o200000);
    }));
    says(&wants_dir, &[("fd.typechar", "d")]);
}

#[test]
fn what_is_missing_of_a_path_is_missing_of_what_is_made_of_it() {
    let text = |bytes: &'static [u8], cut| Value::Text(Text::cut(bytes, cut));
    let deep = of(open(|open, tail| open.spans[0] = tail.path("deep/down/file", Span::CUT)));
    assert_eq!(value(&deep, "fd.name"), text(b"deep/down/file", Cut::Front));
    assert_eq!(value(&deep, "fd.directory"), text(b"deep/down", Cut::Front));
    assert_eq!(value(&deep, "fd.filename"), text(b"file", Cut::None));
    assert_eq!(value(&deep, "fd.containername"), text(b"3f4e5d6c7b8a:", Cut::Back));
    let long = of(open(|open, tail| {
        open.result = -36;
        open.spans = [Span::default(), tail.put(b"/a/lon", Span::CUT)];
    }));
    assert_eq!(value(&long, "fd.name"), text(b"/a/lon", Cut::Back));
    assert_eq!(value(&long, "fd.directory"), text(b"/a", Cut::Back));
    assert_eq!(value(&long, "fd.filename"), text(b"lon", Cut::Back));
    let unread = of(open(|open, _| {
        open.result = -14;
        open.spans[1].state = Span::FAULT;
    }));
    assert_eq!((value(&unread, "fd.name"), value(&unread, "fd.nameraw")), (Value::Absent, Value::Absent));
    let cut_exe = Process { exe_path: b"bin/x".to_vec(), exe_path_cut: true, ..Process::default() };
    assert_eq!(value(&event(exec(), cut_exe, None), "proc.exepath"), text(b"bin/x", Cut::Front));
}

#[test]
fn a_connection_has_two_ends() {
    let event = of(connect(|_, _| ()));
    says(
        &event,
        &[
            ("fd.num", "5"),
            ("fd.type", "ipv4"),
            ("fd.typechar", "4"),
            ("fd.name", "10.0.0.1:3456->1.2.3.4:443"),
            ("fd.nameraw", "-"),
            ("fd.directory", "-"),
            ("fd.cip", "10.0.0.1"),
            ("fd.lip", "10.0.0.1"),
            ("fd.sip", "1.2.3.4"),
            ("fd.rip", "1.2.3.4"),
            ("fd.cport", "3456"),
            ("fd.lport", "3456"),
            ("fd.sport", "443"),
            ("fd.rport", "443"),
            ("fd.sproto", "https"),
            ("fd.cproto", "3456"),
            ("fd.l4proto", "tcp"),
            ("fd.sockfamily", "ip"),
            ("fd.is_server", "false"),
            ("fd.connected", "true"),
            ("fd.name_changed", "true"),
        ],
    );
    let ip = |ip: &str| Value::Ip(ip.parse().expect("an address"));
    assert_eq!(value(&event, "fd.ip"), Value::Any(vec![ip("10.0.0.1"), ip("1.2.3.4")]));
    assert_eq!(value(&event, "fd.net"), value(&event, "fd.ip"));
    assert_eq!(value(&event, "fd.snet"), ip("1.2.3.4"));
    assert_eq!(value(&event, "fd.port"), Value::Any(vec![Value::Uint(3456), Value::Uint(443)]));
    says(&of(connect(|c, _| c.result = -115)), &[("fd.connected", "false"), ("fd.name_changed", "true")]);
    says(&of(connect(|c, _| c.result = -111)), &[("fd.connected", "false"), ("fd.name_changed", "false")]);
    says(
        &of(connect_result(0)),
        &[
            ("fd.connected", "true"),
            ("fd.name_changed", "false"),
            ("fd.l4proto", "tcp"),
            ("fd.name", "10.0.0.1:3456->1.2.3.4:443"),
        ],
    );
}

#[test]
fn an_ipv4_address_is_one_through_an_ipv6_socket_too() {
    let mapped = |a: [u8; 4]| std::net::Ipv4Addr::from(a).to_ipv6_mapped().octets();
    let event = of(connect(|c, _| {
        c.socket = Socket {
            family: 10,
            source: mapped([10, 0, 0, 1]),
            destination: mapped([1, 2, 3, 4]),
            ..c.socket
        };
    }));
    says(
        &event,
        &[
            ("fd.typechar", "4"),
            ("fd.type", "ipv4"),
            ("fd.sip", "1.2.3.4"),
            ("fd.name", "10.0.0.1:3456->1.2.3.4:443"),
            ("evt.arg.daddr", "1.2.3.4"),
            ("evt.arg.family", "ipv6"),
        ],
    );
    let real = of(connect(|c, _| {
        c.socket.family = 10;
        c.socket.destination = "2001:db8::1".parse::<std::net::Ipv6Addr>().expect("an address").octets();
        c.socket.source = [0; 16];
    }));
    says(&real, &[("fd.typechar", "6"), ("fd.sip", "2001:db8::1"), ("fd.name", ":::3456->2001:db8::1:443")]);
}

#[test]
fn other_sockets_are_named_as_such() {
    let of_family = |family: u16, sock_type: u16, protocol: u16| {
        of(connect(|c, _| c.socket = Socket { family, sock_type, protocol, ..c.socket }))
    };
    says(&of_family(2, 2, 17), &[("fd.l4proto", "udp")]);
    says(&of_family(2, 2, 0), &[("fd.l4proto", "udp")]);
    says(&of_family(2, 3, 1), &[("fd.l4proto", "icmp")]);
    says(&of_family(2, 3, 255), &[("fd.l4proto", "raw")]);
    says(&of_family(2, 1, 132), &[("fd.l4proto", "-")]);
    says(
        &of_family(16, 3, 0),
        &[
            ("fd.typechar", "n"),
            ("fd.type", "netlink"),
            ("fd.name", "-"),
            ("fd.sip", "-"),
            ("fd.l4proto", "-"),
            ("fd.sockfamily", "-"),
        ],
    );
    says(&of_family(40, 1, 0), &[("fd.type", "-"), ("fd.name", "-"), ("evt.arg.family", "vsock")]);
    let unix = |path: &'static [u8]| {
        of(connect(|c, tail| {
            c.socket = Socket { family: 1, sock_type: 1, ..Socket::default() };
            c.spans = [tail.put(path, Span::WHOLE)];
        }))
    };
    says(
        &unix(b"/run/docker.sock"),
        &[
            ("fd.name", "/run/docker.sock"),
            ("fd.typechar", "u"),
            ("fd.sockfamily", "unix"),
            ("fd.ip", "-"),
            ("fd.sport", "-"),
            ("fd.l4proto", "-"),
            ("fd.directory", "-"),
        ],
    );
    says(&unix(b"\0abstract"), &[("fd.name", "@abstract"), ("evt.arg.addr", "@abstract")]);
}

#[test]
fn a_container_says_where_and_the_host_says_host() {
    says(
        &of(exec()),
        &[
            ("container.id", "3f4e5d6c7b8a"),
            ("container.full_id", "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"),
            ("container.name", "web"),
            ("container.type", "containerd"),
            ("container.image", "docker.io/library/nginx:1.25"),
            ("container.image.repository", "docker.io/library/nginx"),
            ("container.image.tag", "1.25"),
            ("container.image.digest", "sha256:abcd"),
            ("container.privileged", "false"),
            ("container.duration", "10000000000"),
            ("container.label[app]", "web"),
            ("container.label[none]", "-"),
            ("container.labels", "app:web"),
            ("container.mounts", "/proc/sys:/host/proc::true:,/etc:/host/etc:ro:false:"),
            ("container.mount[1]", "/etc:/host/etc:ro:false:"),
            ("container.mount.dest[/proc*]", "/host/proc"),
            ("container.mount.dest[/etc]", "/host/etc"),
            ("container.mount.dest[/]", "-"),
            ("container.mount.dest[/root*]", "-"),
            ("container.mount.source[/host/*]", "/proc/sys"),
            ("container.mount.mode[/etc]", "ro"),
            ("container.mount.rdwr[0]", "true"),
            ("container.mount.rdwr[9]", "-"),
            ("k8s.pod.name", "web-0"),
            ("k8s.ns.name", "shop"),
            ("k8s.pod.uid", "-"),
        ],
    );
    says(
        &event(exec(), process(), None),
        &[
            ("container.id", "host"),
            ("container.full_id", "host"),
            ("container.name", "host"),
            ("container.type", "host"),
            ("container.image.repository", "-"),
            ("container.privileged", "-"),
            ("container.mount.dest[/etc]", "-"),
            ("k8s.ns.name", "-"),
        ],
    );
    let young = crate::Container {
        id: "short".to_owned(),
        labels: [("io.kubernetes.pod.name".to_owned(), "p".to_owned())].into(),
        ..Default::default()
    };
    says(
        &event(exec(), process(), Some(young)),
        &[
            ("container.id", "short"),
            ("container.image.tag", "-"),
            ("container.privileged", "-"),
            ("container.duration", "-"),
            ("k8s.pod.name", "p"),
        ],
    );
}

#[test]
fn the_references_show_every_row() {
    let fields = reference();
    for field in all() {
        assert!(fields.contains(&format!("| `{}", field.name)), "{}", field.name);
    }
    assert!(fields.contains("| `proc.aname[n]?` | text |  | `proc.name` of an ancestor. |"), "{fields}");
    assert!(fields.contains("| `fd.name` | text | open, connect, connect_result |"));
    let events = event_reference();
    for event in EVENTS {
        assert!(events.contains(&format!("\n## {}\n", event.name)));
        for field in event.fields {
            assert!(
                events.contains(&format!("| `{}` | {} |", field.name, field.ty.name())),
                "{}",
                field.name
            );
        }
    }
    // A bar in a cell would end it.
    assert!(events.contains("(major << 20 \\| minor)"));
}

/// The 90 fields of Falco's own rules (RULES.md 1.4): those that have a row, and those that cannot have one yet.
#[test]
fn the_fields_of_falcos_rules_are_answered_or_known_not_to_be() {
    let answered = "evt.type proc.name evt.num container.id fd.typechar proc.cmdline fd.name proc.pname fd.num \
        container.image.repository evt.is_open_write evt.rawres evt.res fd.directory fd.net evt.is_open_read proc.aname \
        fd.ip proc.args proc.exe fd.l4proto fd.name_changed fd.connected k8s.ns.name fd.snet proc.vpid proc.pcmdline \
        user.name fd.filename evt.arg.flags user.uid fd.sport evt.arg.path proc.tty container.privileged fd.type \
        thread.cap_effective thread.cap_permitted fd.sip evt.arg.name evt.arg.mode evt.arg.filename user.loginuid \
        fd.nameraw proc.duration proc.pexe proc.cwd proc.is_exe_upper_layer proc.is_exe_from_memfd proc.exepath \
        fd.sockfamily fd.port evt.arg.uid proc.aexe fd.rnet fd.cip fd.cnet k8s.pod.name evt.is_open_exec \
        proc.is_vpgid_leader container.mount.dest container.mounts container.start_ts evt.arg.fd evt.args fd.lport \
        fd.rip fd.rport group.gid group.name proc.aexepath proc.exe_ino.ctime proc.exe_ino.mtime \
        proc.exe_ino.ctime_duration_proc_start proc.pexepath proc.sname user.loginname";
    for name in answered.split_whitespace() {
        assert!(resolve(name).is_some(), "{name} has no row");
    }
    let not_yet = "proc.env evt.buffer fd.sip.name fd.cip.name fd.lip.name fd.rip.name evt.arg.oldpath evt.arg.newpath \
        evt.arg.request evt.arg.target evt.arg.domain evt.arg.cmd evt.arg.linkpath evt.hostname";
    for name in not_yet.split_whitespace() {
        assert!(resolve(name).is_none(), "{name} has a row that nothing can answer");
    }
}
