//! `setuid`.

use nightjar_events::{Field, Kind, event::setuid::*};
use nightjar_tests::{Eyes, Seen};

use super::deed::{call, in_child, mine, type_of};

/// As the machine has it: an `int`.
const STAY: u64 = u32::MAX as u64;

/// A call by number and name, its arguments, what it returns, and what the record says of the arguments.
type Deed<'a> = (libc::c_long, &'a str, &'a [u64], i64, &'a [(&'a str, i128)]);

fn values(seen: &Seen) -> Vec<(&'static str, i128)> {
    let rows: [&Field; 8] = [&UID, &GID, &RUID, &EUID, &SUID, &RGID, &EGID, &SGID];
    rows.iter().filter(|row| !seen.is_absent(row)).map(|row| (row.name, seen.number(row))).collect()
}

#[test]
fn a_process_that_becomes_another_user_is_told() {
    let eyes = Eyes::open();
    let mut child = in_child(|| i32::from(call(libc::SYS_setuid, &[1001]) != 0));
    assert!(child.wait().unwrap().success());
    let seen = eyes.wait_for(Kind::Setuid, child.id());
    assert_eq!((type_of(&seen), seen.number(&RESULT)), ("setuid", 0));
    assert_eq!(values(&seen), [("uid", 1001)]);
    assert_eq!(seen.0.header.uid, 1001, "who it is after the call");
}

#[test]
fn each_call_is_told_with_the_ids_that_it_was_given() {
    let eyes = Eyes::open();
    let calls: [Deed; 7] = [
        (libc::SYS_setuid, "setuid", &[STAY], -22, &[("uid", -1)]),
        (libc::SYS_setgid, "setgid", &[STAY], -22, &[("gid", -1)]),
        (libc::SYS_setreuid, "setreuid", &[STAY, 0], 0, &[("ruid", -1), ("euid", 0)]),
        (libc::SYS_setregid, "setregid", &[0, STAY], 0, &[("rgid", 0), ("egid", -1)]),
        (libc::SYS_setresuid, "setresuid", &[STAY, STAY, 0], 0, &[("ruid", -1), ("euid", -1), ("suid", 0)]),
        (libc::SYS_setresgid, "setresgid", &[STAY, 0, STAY], 0, &[("rgid", -1), ("egid", 0), ("sgid", -1)]),
        (libc::SYS_setfsuid, "setfsuid", &[STAY], 0, &[("uid", -1)]),
    ];
    for (number, name, args, result, given) in calls {
        assert_eq!(call(number, args), result, "{name}");
        let seen = mine(&eyes, Kind::Setuid, |seen| type_of(seen) == name);
        assert_eq!(seen.number(&RESULT), result.into(), "{name}");
        assert_eq!(values(&seen), given, "{name}");
    }
}
