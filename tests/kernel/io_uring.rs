//! What an io_uring opens and connects: told by fentry, not by tracepoints, since no call of it returns.

use std::{
    ffi::{CStr, OsStr},
    fs::{self, File},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{ffi::OsStrExt, net::UnixDatagram},
    },
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

use nightjar_engine::Value;
use nightjar_events::{
    Field, Kind,
    event::{connect, open},
};
use nightjar_tests::{Eyes, Seen, family};

use crate::deed::{c, with_own_descriptors};

const IORING_REGISTER_FILES: u32 = 2;
const IORING_OP_CONNECT: u8 = 16;
const IORING_OP_OPENAT: u8 = 18;
const IORING_ENTER_GETEVENTS: u32 = 1;
const IORING_OFF_SQES: i64 = 0x1000_0000;
/// Both rings are in one mapping (5.4).
const IORING_FEAT_SINGLE_MMAP: u32 = 1;

/// A page, which a ring of one entry fits into.
const PAGE: usize = 4096;

/// `struct io_uring_sqe` as far as it is used (include/uapi/linux/io_uring.h).
#[repr(C)]
#[derive(Default)]
struct Request {
    op: u8,
    flags: u8,
    priority: u16,
    fd: i32,
    offset: u64,
    address: u64,
    len: u32,
    open_flags: u32,
    user_data: u64,
    buffer: u16,
    personality: u16,
    /// Not 0: the place, from 1 on, where the ring keeps an opened file instead of giving it a descriptor.
    file_index: u32,
    rest: [u64; 2],
}

/// `struct io_uring_params`. The offsets are those of head, tail, mask, entries, flags, dropped and array of requests,
/// and of head, tail, mask, entries, overflow and entries of answers.
#[repr(C)]
#[derive(Default)]
struct Params {
    numbers: [u32; 5],
    features: u32,
    more: [u32; 4],
    requests: [u32; 10],
    answers: [u32; 10],
}

/// Does one request by an io_uring of its own; gives its result.
fn by_io_uring(request: Request) -> i32 {
    let mut params = Params::default();
    // SAFETY: the kernel fills `params`; the mappings are of one page and stay; the offsets into them are the kernel's.
    unsafe {
        let ring = libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut params);
        assert!(ring >= 0, "io_uring_setup: {}", std::io::Error::last_os_error());
        let ring = OwnedFd::from_raw_fd(ring as i32);
        if request.file_index != 0 {
            let free = -1i32;
            let registered = libc::syscall(
                libc::SYS_io_uring_register,
                ring.as_raw_fd(),
                IORING_REGISTER_FILES,
                &raw const free,
                1,
            );
            assert_eq!(registered, 0, "io_uring_register: {}", std::io::Error::last_os_error());
        }
        assert_ne!(params.features & IORING_FEAT_SINGLE_MMAP, 0);
        let map = |offset| {
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            let at = libc::mmap(ptr::null_mut(), PAGE, prot, libc::MAP_SHARED, ring.as_raw_fd(), offset);
            assert_ne!(at, libc::MAP_FAILED);
            at.cast::<u8>()
        };
        let (rings, requests) = (map(0), map(IORING_OFF_SQES));
        requests.cast::<Request>().write(request);
        let number = |offset: u32| AtomicU32::from_ptr(rings.add(offset as usize).cast());
        number(params.requests[6]).store(0, Ordering::Relaxed);
        number(params.requests[1]).store(1, Ordering::Release);
        let done = libc::syscall(
            libc::SYS_io_uring_enter,
            ring.as_raw_fd(),
            1,
            1,
            IORING_ENTER_GETEVENTS,
            ptr::null::<u8>(),
            0,
        );
        assert_eq!(done, 1, "io_uring_enter: {}", std::io::Error::last_os_error());
        assert_eq!(number(params.answers[1]).load(Ordering::Acquire), 1);
        // `struct io_uring_cqe`: eight bytes of the caller's, then the result.
        number(params.answers[5] + 8).load(Ordering::Relaxed) as i32
    }
}

fn open_by_io_uring(path: &CStr, file_index: u32) -> i32 {
    by_io_uring(Request {
        op: IORING_OP_OPENAT,
        fd: libc::AT_FDCWD,
        address: path.as_ptr() as u64,
        open_flags: libc::O_RDONLY as u32,
        file_index,
        ..Request::default()
    })
}

/// Records of a kind whose text is `value`, up to an open that is told in any case.
fn told(eyes: &Eyes, kind: Kind, field: &Field, value: &OsStr) -> Vec<Seen> {
    let last = tempfile::tempdir().unwrap().path().join("last");
    File::open(&last).unwrap_err();
    let of = |field: &Field, seen: &Seen, value: &OsStr| {
        !seen.is_absent(field) && seen.bytes(field) == value.as_bytes()
    };
    let (_, before) = eyes.until(Kind::Open, |seen| of(&open::NAME, seen, last.as_os_str()));
    before.into_iter().filter(|seen| seen.0.body.kind() == kind && of(field, seen, value)).collect()
}

#[test]
fn an_open_by_io_uring_is_told_by_fentry() {
    with_own_descriptors(open_with_a_descriptor);
}

fn open_with_a_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opened");
    fs::write(&path, "").unwrap();
    let missing = dir.path().join("missing");
    let eyes = Eyes::open();
    let fd = open_by_io_uring(&c(&path), 0);
    assert!(fd >= 0, "{fd}");
    assert_eq!(open_by_io_uring(&c(&missing), 0), -libc::ENOENT);
    let missed = told(&eyes, Kind::Open, &open::NAME, missing.as_os_str());
    let is_told = family(Kind::Open) == "fentry";
    assert_eq!(missed.len(), usize::from(is_told));
    for seen in &missed {
        assert_eq!(seen.number(&open::RESULT), (-libc::ENOENT).into());
        assert_eq!(seen.0.header.pid, std::process::id());
    }

    let eyes = Eyes::open();
    let fd = open_by_io_uring(&c(&path), 0);
    let opened = told(&eyes, Kind::Open, &open::PATH, path.as_os_str());
    assert_eq!(opened.len(), usize::from(is_told));
    for seen in &opened {
        assert_eq!(open::EVENT.types[usize::from(seen.0.header.variant)], "openat");
        // Where the kernel lets a thread of its own do it, that shares the descriptors.
        let result = seen.value(&open::RESULT);
        assert!([Value::Int(fd.into()), Value::AtLeast(0)].contains(&result), "{result:?}, not {fd}");
        assert_eq!(seen.text(&open::NAME), path.to_str().unwrap());
        assert_eq!(seen.number(&open::FLAGS) as i32, libc::O_RDONLY);
        assert_eq!(seen.0.header.pid, std::process::id());
    }
}

#[test]
fn a_file_that_an_io_uring_opens_without_a_descriptor_is_told_by_fentry() {
    with_own_descriptors(open_without_a_descriptor);
}

fn open_without_a_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opened");
    fs::write(&path, "").unwrap();
    let eyes = Eyes::open();
    let result = open_by_io_uring(&c(&path), 1);
    assert_eq!(result, 0, "since 5.15, and in 5.10 from 5.10.162 on");
    let opened = told(&eyes, Kind::Open, &open::PATH, path.as_os_str());
    // What wrote the file may be told here too.
    let opened: Vec<_> =
        opened.iter().filter(|seen| seen.number(&open::FLAGS) == libc::O_RDONLY.into()).collect();
    assert_eq!(opened.len(), usize::from(family(Kind::Open) == "fentry"));
    for seen in opened {
        assert_eq!(seen.value(&open::RESULT), Value::AtLeast(0));
        assert_eq!(seen.text(&open::NAME), path.to_str().unwrap());
    }
}

#[test]
fn a_connect_by_io_uring_is_told_by_fentry() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let _there = UnixDatagram::bind(&path).unwrap();
    let here = UnixDatagram::unbound().unwrap();
    // SAFETY: a zeroed sockaddr_un is valid.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as u16;
    for (to, from) in address.sun_path.iter_mut().zip(path.as_os_str().as_bytes()) {
        *to = *from as libc::c_char;
    }
    let eyes = Eyes::open();
    let result = by_io_uring(Request {
        op: IORING_OP_CONNECT,
        fd: here.as_raw_fd(),
        offset: size_of_val(&address) as u64,
        address: (&raw const address) as u64,
        ..Request::default()
    });
    assert_eq!(result, 0);
    let connected = told(&eyes, Kind::Connect, &connect::PATH, path.as_os_str());
    assert_eq!(connected.len(), usize::from(family(Kind::Connect) == "fentry"));
    for seen in &connected {
        assert_eq!((seen.number(&connect::RESULT), seen.number(&connect::FD)), (0, -1));
        assert_eq!(seen.text(&connect::SOCK_TYPE), "dgram");
        assert_eq!(seen.0.header.pid, std::process::id());
    }
}
