//! Another thread rewrites what a call was given, while the call runs. By fentry the record says what the kernel used;
//! by tracepoint some records do not, and how many is printed.

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    os::{fd::AsRawFd, unix::net::UnixDatagram},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
};

use nightjar_events::{
    Kind,
    event::{connect, open},
};
use nightjar_tests::{Eyes, Seen, family};

use crate::deed::{c, in_child, with_own_descriptors};

/// At least so often; more where the other thread does not get to run meanwhile.
const TRIES: usize = 10_000;

/// Does a deed over and over while another thread does `meanwhile`, until both kinds of its outcome have come; gives the
/// records of this thread.
fn race(kind: Kind, deed: impl Fn() -> bool, meanwhile: impl Fn() + Sync) -> Vec<Seen> {
    let eyes = Eyes::open();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                meanwhile();
            }
        });
        let mut outcomes = [0usize; 2];
        while outcomes.iter().sum::<usize>() < TRIES || outcomes.contains(&0) {
            outcomes[usize::from(deed())] += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    let mut last = in_child(|| 0);
    last.wait().unwrap();
    let (_, records) = eyes.until(Kind::Exit, |seen| seen.0.header.pid == last.id());
    // SAFETY: no arguments.
    let tid = unsafe { libc::gettid() } as u32;
    records.into_iter().filter(|seen| seen.0.body.kind() == kind && seen.0.header.tid == tid).collect()
}

/// Says how many of the records were fooled, which by fentry must be none.
fn judge(kind: Kind, records: usize, fooled: usize) {
    let family = family(kind);
    println!("{family}: {fooled} of {records} records say what the kernel did not use");
    assert!(family != "fentry" || fooled == 0, "{fooled} of {records}");
}

/// A path of which another thread flips the last byte, so that it names now one file, now the other.
struct Flipped(CString);

impl Flipped {
    fn last(&self) -> &AtomicU8 {
        let at = self.0.as_bytes().len() - 1;
        // SAFETY: within the string, which is written only through this.
        unsafe { AtomicU8::from_ptr(self.0.as_ptr().add(at).cast_mut().cast()) }
    }

    fn flip(&self) {
        self.last().fetch_xor(b'a' ^ b'b', Ordering::Relaxed);
    }
}

#[test]
fn the_name_of_a_raced_open_is_the_one_the_kernel_used() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "").unwrap();
    let path = Flipped(c(dir.path().join("a")));
    let deed = || {
        // SAFETY: a system call with a valid string, and the descriptor it gave.
        unsafe {
            let fd = libc::open(path.0.as_ptr(), libc::O_RDONLY);
            fd >= 0 && libc::close(fd) == 0
        }
    };
    let records = race(Kind::Open, deed, || path.flip());
    let (opened, failed): (Vec<&Seen>, Vec<&Seen>) =
        records.iter().partition(|seen| !seen.is_absent(&open::PATH));
    assert!(!opened.is_empty() && !failed.is_empty(), "{} opened, {} failed", opened.len(), failed.len());
    let name = |end: &str| dir.path().join(end).to_str().unwrap().to_owned();
    let fooled = opened.iter().filter(|seen| seen.text(&open::NAME) != name("a")).count()
        + failed.iter().filter(|seen| seen.text(&open::NAME) != name("b")).count();
    judge(Kind::Open, records.len(), fooled);
    assert!(opened.iter().all(|seen| seen.text(&open::PATH) == name("a")));
}

/// In a thread with descriptors of its own: those of other tests must not be replaced.
#[test]
fn the_file_of_an_open_whose_descriptor_is_replaced_is_the_one_that_was_opened() {
    with_own_descriptors(race_for_a_descriptor);
}

fn race_for_a_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opened");
    fs::write(&path, "").unwrap();
    let other = File::open("/dev/null").unwrap();
    let given = c(&path);
    // The number that the open will have: nobody else opens anything here.
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    let replace = || {
        // SAFETY: the number is the open's or free.
        unsafe {
            if libc::dup2(other.as_raw_fd(), next) == next {
                libc::close(next);
            }
        }
    };
    let deed = || {
        // SAFETY: a system call with a valid string; what it gave may be closed already.
        unsafe {
            let fd = libc::open(given.as_ptr(), libc::O_RDONLY);
            libc::close(fd) == 0
        }
    };
    let records = race(Kind::Open, deed, replace);
    let opened: Vec<_> = records.iter().filter(|seen| seen.bytes(&open::NAME) == given.as_bytes()).collect();
    assert!(!opened.is_empty());
    let fooled = opened.iter().filter(|seen| Path::new(&seen.text(&open::PATH)) != path).count();
    judge(Kind::Open, opened.len(), fooled);
}

#[test]
fn the_name_of_a_raced_connect_is_the_one_the_kernel_used() {
    let dir = tempfile::tempdir().unwrap();
    let _there = UnixDatagram::bind(dir.path().join("a")).unwrap();
    let here = UnixDatagram::unbound().unwrap();
    // SAFETY: a zeroed sockaddr_un is valid.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as u16;
    let path = c(dir.path().join("a"));
    for (to, from) in address.sun_path.iter_mut().zip(path.as_bytes()) {
        *to = *from as libc::c_char;
    }
    // SAFETY: within the address, which is written only through this from here on.
    let last = unsafe {
        AtomicU8::from_ptr((&raw mut address.sun_path).cast::<u8>().add(path.as_bytes().len() - 1))
    };
    let deed = || {
        // SAFETY: a valid address.
        let result = unsafe {
            libc::connect(here.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32)
        };
        assert!(result == 0 || io::Error::last_os_error().kind() == io::ErrorKind::NotFound);
        result == 0
    };
    let records = race(Kind::Connect, deed, || {
        last.fetch_xor(b'a' ^ b'b', Ordering::Relaxed);
    });
    let (connected, failed): (Vec<&Seen>, Vec<&Seen>) =
        records.iter().partition(|seen| seen.number(&connect::RESULT) == 0);
    assert!(!connected.is_empty() && !failed.is_empty(), "{} and {}", connected.len(), failed.len());
    let name = |end: &str| dir.path().join(end).to_str().unwrap().to_owned();
    let fooled = connected.iter().filter(|seen| seen.text(&connect::PATH) != name("a")).count()
        + failed.iter().filter(|seen| seen.text(&connect::PATH) != name("b")).count();
    judge(Kind::Connect, records.len(), fooled);
}
