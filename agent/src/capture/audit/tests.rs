//! What auditd 3.0.9 wrote, enriched, on Linux 6.18, while a script of simple deeds ran as a user of its own; opens of
//! libraries are left out.

use nightjar_engine::{Event, Value};
use nightjar_events::Kind;

use super::*;

const LOG: &[u8] = include_bytes!("sample.log");

fn read(bytes: &[u8]) -> (Vec<Event>, Passed) {
    let mut log = AuditLog::new(bytes).unwrap();
    let mut events = Vec::new();
    while log.next(&mut events).unwrap() {}
    assert_eq!(log.position(), bytes.len() as u64);
    (events, log.passed().clone())
}

/// The value of a row of the event's page.
fn value<'e>(event: &'e Event, row: &str) -> Value<'e> {
    event.get(event.kind().event().field(row).unwrap())
}

fn text(event: &Event, row: &str) -> String {
    value(event, row)
        .into_text()
        .map_or(String::new(), |text| String::from_utf8_lossy(&text.bytes).into_owned())
}

/// The one event of a kind whose row says this.
fn one<'e>(events: &'e [Event], kind: Kind, row: &str, says: &str) -> &'e Event {
    let found: Vec<_> =
        events.iter().filter(|event| event.kind() == kind && text(event, row) == says).collect();
    assert_eq!(found.len(), 1, "{kind:?} with {row} = {says}");
    found[0]
}

#[test]
fn an_exec_has_its_program_arguments_and_parent() {
    let (events, _) = read(LOG);
    let cat = one(&events, Kind::Exec, "args", "cat /etc/shadow");
    assert_eq!(cat.type_name(), "execve");
    assert_eq!((text(cat, "exe"), text(cat, "cwd")), ("/usr/bin/cat".into(), "/tmp".into()));
    let process = &cat.process;
    assert_eq!((process.uid, process.loginuid, &*process.comm), (4242, None, &b"cat"[..]));
    let parent = process.parent.as_ref().unwrap();
    assert_eq!((parent.pid, parent.args.join(&b' ')), (process.ppid, b"bash /opt/deeds/deeds.sh".to_vec()));
    // In hex, since a quoted one could not hold it.
    let mv = one(&events, Kind::Exec, "args", "mv /tmp/nightjar audit \"deed\" /tmp/nightjar-moved");
    assert_eq!(mv.process.args.len(), 3);
    assert!(events.is_sorted_by_key(|event| event.time));
}

#[test]
fn an_open_has_its_path_flags_and_result() {
    let (events, _) = read(LOG);
    let refused = one(&events, Kind::Open, "name", "/etc/shadow");
    assert_eq!((value(refused, "res"), text(refused, "flags")), (Value::Int(-13), "O_RDONLY".to_owned()));
    assert_eq!(refused.process.args, [b"cat".to_vec(), b"/etc/shadow".to_vec()]);
    let made = one(&events, Kind::Open, "path", "/tmp/nightjar audit \"deed\"");
    assert_eq!(
        (value(made, "created"), text(made, "flags")),
        (Value::Bool(true), "O_WRONLY|O_CREAT|O_TRUNC".into())
    );
    // Nobody told with what arguments this bash runs but the records of its calls.
    assert_eq!(made.process.args.join(&b' '), b"bash /opt/deeds/deeds.sh");
}

#[test]
fn a_connect_has_its_address() {
    let (events, _) = read(LOG);
    let connect = one(&events, Kind::Connect, "daddr", "127.0.0.1");
    assert_eq!((value(connect, "dport"), value(connect, "res")), (Value::Uint(9), Value::Int(-111)));
    let unix: Vec<_> = events.iter().filter(|event| event.kind() == Kind::Connect).collect();
    assert!(unix.iter().any(|event| text(event, "path") == "/var/run/nscd/socket"), "{unix:?}");
}

#[test]
fn calls_on_names_have_both_names_and_the_call_they_were() {
    let (events, passed) = read(LOG);
    let rename = one(&events, Kind::Rename, "newpath", "/tmp/nightjar-moved");
    assert_eq!(
        (rename.type_name(), text(rename, "oldpath")),
        ("renameat2", "/tmp/nightjar audit \"deed\"".into())
    );
    let link = one(&events, Kind::Symlink, "linkpath", "/tmp/nightjar-link");
    assert_eq!(text(link, "target"), "/etc/passwd");
    let chmod = one(&events, Kind::Chmod, "filename", "/tmp/nightjar-moved");
    assert!(text(chmod, "mode").contains("S_IXUSR"), "{}", text(chmod, "mode"));
    one(&events, Kind::Mkdir, "path", "/tmp/nightjar-dir");
    one(&events, Kind::Unlink, "path", "/tmp/nightjar-moved");
    assert_eq!((passed.no_records, passed.too_many), (0, 0));
}

#[test]
fn without_what_enriching_adds_it_is_the_same_calls() {
    let plain: Vec<&[u8]> = LOG
        .split(|byte| *byte == b'\n')
        .map(|line| line.split(|byte| *byte == 0x1d).next().unwrap())
        .collect();
    let (plain, _) = read(&[plain.join(&b'\n').as_slice(), b""].concat());
    let (enriched, _) = read(LOG);
    let calls =
        |events: &[Event]| events.iter().map(|event| (event.time, event.type_name())).collect::<Vec<_>>();
    assert_eq!(calls(&plain), calls(&enriched));
}

#[test]
fn records_of_calls_that_lie_between_each_other_are_told_apart() {
    let lines: Vec<&[u8]> = LOG.split_inclusive(|byte| *byte == b'\n').collect();
    let (events, _) = read(LOG);
    // Every record of one call behind the next call's of the same kind.
    let mut mixed = lines.clone();
    mixed.sort_by_key(|line| {
        let record = Record::parse(&String::from_utf8_lossy(line)).unwrap();
        (record.serial / 8, record.kind == "PROCTITLE", record.kind != "SYSCALL")
    });
    let (again, _) = read(&mixed.concat());
    let mut times: Vec<_> = again.iter().map(|event| event.time).collect();
    times.sort_unstable();
    assert_eq!(times, events.iter().map(|event| event.time).collect::<Vec<_>>());
}

#[test]
fn what_is_no_record_is_counted_and_a_line_without_end_takes_no_memory() {
    let long =
        [&b"type=SYSCALL msg=audit(1.000:1): a="[..], &vec![b'x'; 3 * LINE_MAX as usize], b"\nhello\n\n"]
            .concat();
    let (events, passed) = read(&long);
    assert_eq!((events.len(), passed.no_records), (0, 2));
    assert!(!is_log(b"hello") && is_log(LOG));
}
