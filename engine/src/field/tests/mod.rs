//! Questions to events that were made of the bytes the kernel side would send.

mod call;
mod container;
mod evt;
mod file;
mod proc;
mod socket;

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
        unplaced: false,
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
    .chain([case("{type: rename, oldpath: /a, newpath: /b}")])
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
                let has = field.needs.is_none_or(|needs| needs(event.kind()));
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
            "proc.scriptpath",
            "user.loginname",
        ];
        let answered = events.iter().any(|event| args.iter().any(|arg| !field.value(event, arg).is_absent()));
        assert!(answered || unanswered.contains(&field.name), "nothing has {}", field.name);
    }
}

#[test]
fn the_references_show_every_row() {
    let fields = reference();
    for field in all() {
        assert!(fields.contains(&format!("| `{}", field.name)), "{}", field.name);
    }
    assert!(fields.contains("| `proc.aname[n]?` | text |  | `proc.name` of an ancestor. |"), "{fields}");
    assert!(fields.contains("| `fd.name` | text | open, connect, connect_result, dup, "));
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
        proc.exe_ino.ctime_duration_proc_start proc.pexepath proc.sname user.loginname \
        evt.arg.oldpath evt.arg.newpath evt.arg.request evt.arg.target evt.arg.domain evt.arg.cmd evt.arg.linkpath";
    for name in answered.split_whitespace() {
        assert!(resolve(name).is_some(), "{name} has no row");
    }
    let not_yet = "proc.env evt.buffer fd.sip.name fd.cip.name fd.lip.name fd.rip.name evt.hostname";
    for name in not_yet.split_whitespace() {
        assert!(resolve(name).is_none(), "{name} has a row that nothing can answer");
    }
}
