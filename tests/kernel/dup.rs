//! `dup`.

use std::{
    fs::File,
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
};

use nightjar_engine::Value;
use nightjar_events::{Kind, event::dup::*};
use nightjar_tests::Eyes;

use super::deed::{call, in_child, mine, type_of};

#[test]
fn a_socket_that_becomes_standard_input_is_told_with_both_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    let stream = TcpStream::connect(there).unwrap();
    let fd = stream.as_raw_fd() as u64;
    let eyes = Eyes::open();
    let mut child = in_child(move || i32::from(call(libc::SYS_dup2, &[fd, 0]) != 0));
    assert!(child.wait().unwrap().success());
    let pid = child.id();
    let seen = eyes.wait(Kind::Dup, |seen| seen.0.header.pid == pid && seen.number(&OLD_FD) == fd.into());
    assert_eq!((type_of(&seen), seen.number(&RESULT), seen.number(&NEW_FD)), ("dup2", 0, 0));
    assert_eq!((seen.text(&FAMILY), seen.text(&SOCK_TYPE)), ("ipv4".to_owned(), "stream".to_owned()));
    assert_eq!(seen.value(&PEER_IP), Value::Ip(there.ip()));
    assert_eq!(seen.number(&PEER_PORT), there.port().into());
    assert_eq!(seen.number(&OWN_PORT), stream.local_addr().unwrap().port().into());
    assert_eq!(seen.value(&CONNECTED), Value::Bool(true));
    assert!(seen.is_absent(&FILE));
}

#[test]
fn a_file_that_is_copied_is_told_by_its_path_and_a_failure_by_its_errno() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let opened = File::open(file.path()).unwrap();
    let fd = opened.as_raw_fd() as u64;
    let eyes = Eyes::open();
    let copy = call(libc::SYS_dup, &[fd]);
    assert!(copy >= 0);
    let seen = mine(&eyes, Kind::Dup, |seen| seen.number(&RESULT) == copy.into());
    assert_eq!((type_of(&seen), seen.number(&OLD_FD)), ("dup", fd.into()));
    assert_eq!(seen.text(&FILE), file.path().to_str().unwrap());
    assert!(seen.is_absent(&FAMILY) && seen.is_absent(&NEW_FD) && seen.is_absent(&CONNECTED));
    assert_eq!(call(libc::SYS_close, &[copy as u64]), 0);

    assert_eq!(call(libc::SYS_dup3, &[fd, fd, libc::O_CLOEXEC as u64]), -22);
    let seen = mine(&eyes, Kind::Dup, |seen| seen.number(&RESULT) == -22);
    assert_eq!((type_of(&seen), seen.number(&FLAGS)), ("dup3", libc::O_CLOEXEC.into()));
    assert_eq!(seen.text(&FILE), file.path().to_str().unwrap());
}
