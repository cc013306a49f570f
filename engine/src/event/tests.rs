//! Records, cases and their printed form agree.

use std::sync::Arc;

use nightjar_events::{EVENTS, Kind, Span, event::open::NUMBER_UNKNOWN};
use proptest::{collection::vec, option, prelude::*};

use super::{sample::*, *};
use crate::{
    field::{self, Arg, ArgRule},
    value::Cut,
};

/// Every question that may be asked of two events gets the same answer.
fn assert_same(a: &Event, b: &Event) {
    assert_eq!((a.type_name(), a.time, a.number, a.tid), (b.type_name(), b.time, b.number, b.tid));
    assert_eq!(
        (a.cpu, a.cgroup_id, &a.process, &a.container),
        (b.cpu, b.cgroup_id, &b.process, &b.container)
    );
    for row in a.kind().event().fields {
        assert_eq!(a.get(row), b.get(row), "{}", row.name);
    }
    for field in field::all() {
        let keys = field::arg::names().chain(["app", "/proc*", "0"]).map(|key| Arg::Key(key.to_owned()));
        let args: Vec<_> = match field.arg {
            ArgRule::None => vec![Arg::None],
            ArgRule::OptionalIndex | ArgRule::RequiredIndex => vec![Arg::None, Arg::Index(0), Arg::Index(1)],
            ArgRule::OptionalKey | ArgRule::RequiredKey => keys.collect(),
        };
        for arg in args {
            assert_eq!(field.value(a, &arg), field.value(b, &arg), "{}[{arg:?}]", field.name);
        }
    }
}

fn through_json(event: &Event) -> Event {
    let line = serde_json::to_string(event).unwrap();
    serde_json::from_str::<Case>(&line).unwrap_or_else(|e| panic!("{e}: {line}")).into_event().unwrap()
}

#[test]
fn a_case_written_by_hand_is_the_record_it_describes() {
    let lines = [
        (
            exec(),
            "{type: execve, comm_before: sh, exe_dev: 0, mnt_ns: 0, net_ns: 0, user_ns: 0, uts_ns: 0, ipc_ns: 0, cgroup_ns: 0, PROC}",
        ),
        (
            open(|_, _| ()),
            "{type: openat, path: /etc/shadow, flags: O_RDONLY|O_CLOEXEC, ino: 77, dev: 8388908, file_mode: \"0640\", PROC}",
        ),
        (
            failed_open(b"../../etc/shadow", -100),
            "{type: openat, name: ../../etc/shadow, flags: [O_RDONLY, O_CLOEXEC], res: EACCES, PROC}",
        ),
        (
            connect(|_, _| ()),
            "{type: connect, fd: 5, saddr: 10.0.0.1, sport: 3456, daddr: 1.2.3.4, dport: 443, PROC}",
        ),
        (
            connect(|connect, tail| {
                connect.socket =
                    nightjar_events::event::connect::Socket { family: 1, sock_type: 1, ..Default::default() };
                connect.spans = [tail.put(b"/run/docker.sock", Span::WHOLE)];
                connect.result = -115;
            }),
            "{type: connect, fd: 5, path: /run/docker.sock, res: EINPROGRESS, PROC}",
        ),
        (
            connect_result(-111),
            "{type: connect_result, fd: 5, saddr: 10.0.0.1, sport: 3456, daddr: 1.2.3.4, dport: 443, elapsed: 1000, res: ECONNREFUSED, PROC}",
        ),
        (exit(0x8b), "{type: procexit, sig: 11, core: true, lifetime: 9, PROC}"),
    ];
    for (payload, line) in lines {
        let record = event(payload, process(), Some(container()));
        // Writing a process out has a test of its own: here it is the same.
        let context = format!(
            "time: 1767225600000000001, number: 7, cpu: 1, cgroup_id: 99, proc: {}, container: {}",
            serde_json::to_string(&process()).unwrap(),
            serde_json::to_string(&container()).unwrap(),
        );
        assert_same(&record, &case(&line.replace("PROC", &context)));
    }
}

#[test]
fn a_printed_line_is_short_and_reads_back() {
    let opened =
        event(open(|_, _| ()), Process { pid: 1, comm: b"cat".to_vec(), ..Process::default() }, None);
    assert_eq!(
        serde_json::to_string(&opened).unwrap(),
        r#"{"type":"openat","time":1767225600000000001,"number":7,"cpu":1,"cgroup_id":99,"path":"/etc/shadow","flags":"O_RDONLY|O_CLOEXEC","ino":77,"dev":8388908,"file_mode":"0640","proc":{"pid":1,"comm":"cat"}}"#
    );
    assert_same(&opened, &through_json(&opened));
    let shared = event(open(|open, _| open.result = NUMBER_UNKNOWN), Process::default(), None);
    assert!(serde_json::to_string(&shared).unwrap().contains("\"res\":\">=0\""));
    assert_same(&shared, &through_json(&shared));
}

#[test]
fn what_was_cut_is_read_back_cut() {
    let cut = event(
        open(|open, tail| {
            tail.0.clear();
            open.spans = [tail.path("deep/down/x", Span::CUT), tail.put(b"\xff/a", Span::CUT)];
        }),
        Process {
            exe_path: b"lib/x".to_vec(),
            exe_path_cut: true,
            args: vec![b"\xfe".to_vec()],
            args_cut: true,
            ..Process::default()
        },
        None,
    );
    let line = serde_json::to_string(&cut).unwrap();
    assert!(
        line.contains(r#""path":{"text":"deep/down/x","cut":"front"},"name":{"hex":"ff2f61","cut":"back"}"#),
        "{line}"
    );
    assert!(line.contains(r#""exe_path_cut":true,"args":[{"hex":"fe"}],"args_cut":true"#), "{line}");
    assert_same(&cut, &through_json(&cut));
}

#[test]
fn a_case_is_forgiving_about_what_it_leaves_out() {
    let bare = case("{type: execve}");
    assert_eq!((bare.number, bare.type_name(), &*bare.process), (1, "execve", &Process::default()));
    let sleep = case("{type: execve, proc: {comm: sleep, args: [sleep, 10, -1, true]}}");
    assert_eq!(sleep.process.args[1..], [&b"10"[..], b"-1", b"true"]);
    let script = case("{type: execve, filename: null, proc: {exe_path: /bin/sh}}");
    assert!(script.get(&nightjar_events::event::exec::FILENAME).is_absent());
    let user =
        case("{type: execve, proc: {exe_path: /usr/lib/a-rather-long-name, uid: 33, gid: 34, egid: 0}}")
            .process;
    assert_eq!((&*user.comm, user.euid, user.egid), (&b"a-rather-long-n"[..], 33, 0));
    let fork = case("{type: fork, child_pid: 3}");
    assert_eq!(fork.type_name(), "clone");
    let capable = case("{type: execve, proc: {cap_effective: CAP_SYS_ADMIN|CAP_BPF}}");
    assert_eq!(capable.process.cap_effective, 1 << 21 | 1 << 39);
}

#[test]
fn what_no_event_has_is_refused_with_what_there_is() {
    let error = |yaml: &str| match serde_saphyr::from_str::<Case>(yaml) {
        Ok(case) => case.into_event().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    for (yaml, says) in [
        ("{type: opnat}", "unknown event type `opnat`, did you mean `openat`?"),
        ("{type: open, pth: /x}", "open has no `pth`, did you mean `path`? (it has res, path, name"),
        ("{type: open, dport: 80}", "open has no `dport` (it has"),
        ("{type: open, flags: O_CREATE}", "`flags` of open is \"O_CREATE\" where a flag of O_RDONLY"),
        ("{type: open, flags: O_CREATE}", "did you mean O_CREAT?"),
        ("{type: open, res: ENONE}", "`res` of open is \"ENONE\" where a number, or the name of an error"),
        ("{type: creat, mode: 420}", "`mode` of open is 420 where octal digits in quotes"),
        (
            "{type: connect, daddr: localhost}",
            "`daddr` of connect is \"localhost\" where an IPv4 or IPv6 address",
        ),
        ("{type: connect, dport: 65536}", "`dport` of connect is 65536 where a port was expected"),
        ("{type: connect, family: inet}", "where a name of unspec, unix, ipv4"),
        ("{type: execve, proc: {exepath: /bin/sh}}", "process has no `exepath`, did you mean `exe_path`?"),
        ("{type: execve, proc: {parent: {name: sh}}}", "process has no `name`"),
        ("{type: execve, container: {img: nginx}}", "container has no `img`"),
        ("{type: execve, proc: {args: [sleep, 0.5]}}", "put text in quotes"),
        ("{path: /etc/shadow}", "an event needs a `type`"),
    ] {
        let got = error(yaml);
        assert!(got.contains(says), "{yaml} says: {got}");
    }
}

#[test]
fn no_event_has_a_field_that_would_hide_a_key_of_the_case() {
    for event in EVENTS {
        for field in event.fields {
            assert!(!CASE_KEYS.contains(&field.name), "{} of {}", field.name, event.name);
        }
    }
}

#[test]
fn types_name_one_event_each() {
    let mut types: Vec<_> = EVENTS.iter().flat_map(|event| event.types).collect();
    types.sort_unstable();
    let all = types.len();
    types.dedup();
    assert_eq!(types.len(), all);
}

/// Any record that the decoder lets through: random bodies, spans that lie within the tail.
fn any_record() -> impl Strategy<Value = Payload> {
    let parts = vec((vec(prop_oneof![Just(0u8), Just(b'/'), Just(b'.'), any::<u8>()], 0..20), 0u16..4), 4);
    (0..Kind::COUNT as u16, any::<u16>(), vec(any::<u8>(), 512), parts).prop_map(
        |(kind, variant, mut bytes, parts)| {
            let kind = Kind::from_wire(kind).unwrap();
            let mut tail = Tail::default();
            let (body, _) = nightjar_events::Body::read(kind, &bytes).unwrap();
            for (n, (part, state)) in parts.iter().take(body.spans().len()).enumerate() {
                // Spans stand first in every body.
                let span = tail.put(part, *state);
                for (i, word) in [span.off, span.len, span.state, 0].into_iter().enumerate() {
                    bytes[n * 8 + i * 2..][..2].copy_from_slice(&word.to_ne_bytes());
                }
            }
            let types = u16::try_from(kind.event().types.len()).unwrap();
            record(kind, variant % types, &bytes[..kind.body_size()], &tail)
        },
    )
}

fn any_process() -> impl Strategy<Value = Process> {
    let bytes = || vec(any::<u8>(), 0..12);
    let texts = (bytes(), bytes(), bytes(), vec(bytes(), 0..4), any::<(bool, bool)>());
    let numbers = (
        any::<[u32; 6]>(),
        any::<[u64; 4]>(),
        option::of(any::<u32>()),
        any::<[bool; 3]>(),
        option::of("\\PC{0,8}"),
    );
    (texts, numbers).prop_map(
        |((comm, exe_path, cwd, args, (exe_path_cut, args_cut)), (n, m, loginuid, is, user))| Process {
            pid: n[0],
            vpid: n[1],
            vpgid: n[2],
            sid: n[3],
            tty: n[4],
            euid: n[5],
            start: m[0],
            start_time: m[1],
            cap_effective: m[2],
            exe_ctime: m[3],
            comm,
            exe_path,
            exe_path_cut,
            args,
            args_cut,
            cwd,
            loginuid,
            user,
            exe_from_memfd: is[0],
            exe_upper_layer: is[1],
            exe_deleted: is[2],
            ..Process::default()
        },
    )
}

proptest! {
    #[test]
    fn every_event_that_is_printed_reads_back_the_same(
        payload in any_record(),
        process in any_process(),
        parent in option::of(any_process()),
        contained in any::<bool>(),
        tid in any::<u32>(),
    ) {
        let process = Process { parent: parent.map(Arc::new), ..process };
        let printed = Event { tid, ..event(payload, process, contained.then(container)) };
        let read = through_json(&printed);
        assert_same(&printed, &read);
        // And what was read prints the same again.
        assert_eq!(serde_json::to_string(&printed).unwrap(), serde_json::to_string(&read).unwrap());
    }
}

#[test]
fn an_argument_that_is_cut_leaves_its_line_cut() {
    let p = Process {
        comm: b"a".to_vec(),
        args: vec![b"a".to_vec(), b"bc".to_vec()],
        args_cut: true,
        ..Process::default()
    };
    let event = event(exit(0), p, None);
    let ask = |name: &str| field::lookup(name).unwrap().value(&event, &Arg::None);
    for name in ["proc.args", "proc.cmdline", "proc.exeline"] {
        let Value::Text(text) = ask(name) else { panic!("{name} is a text") };
        assert_eq!(text.cut, Cut::Back, "{name}");
    }
    assert_eq!((ask("proc.cmdnargs"), ask("proc.cmdlenargs")), (Value::Absent, Value::Absent));
}
