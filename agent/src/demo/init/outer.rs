//! The process between a container and its owner: makes the namespaces, then watches both ends.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, setsid, waitpid},
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{InitError, Tried, inner};
use crate::demo::{
    cgroup,
    message::{Line, Reply, Spec},
};

pub(super) fn main() -> i32 {
    match control().and_then(|control| run(Line::new(control))) {
        Ok(()) => 0,
        Err(e) => {
            eprintln!("nightjar demo: {e}");
            1
        }
    }
}

/// The owner's socket comes as stdin, which programs in the container must not inherit.
fn control() -> Result<UnixStream, InitError> {
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).to("keep the owner's socket")?;
    let null = File::open("/dev/null").to("open /dev/null")?;
    rustix::stdio::dup2_stdin(null).to("close stdin")?;
    Ok(control.into())
}

fn run(mut line: Line) -> Result<(), InitError> {
    let Some(spec) = line.receive::<Spec>().to("read the container's description")? else { return Ok(()) };
    match start(&spec) {
        Ok(Started::Outer { pid, barrier, doors }) => {
            let watched = admit(pid, barrier, doors).and_then(|()| watch(line.stream(), pid));
            watched.or_else(|e| report(line, &e))
        }
        Ok(Started::Inner { barrier }) => {
            inner::main(&spec, line.into_stream(), barrier);
            Ok(())
        }
        Err(e) => report(line, &e),
    }
}

fn report(mut line: Line, e: &InitError) -> Result<(), InitError> {
    line.send(&Reply::Failed(e.to_string())).to("report a failure")
}

enum Started {
    Outer { pid: Pid, barrier: UnixStream, doors: Vec<File> },
    Inner { barrier: UnixStream },
}

fn start(spec: &Spec) -> Result<Started, InitError> {
    // Opened first: when the inner process changes the root, it changes for all in its mount namespace.
    let doors: Result<Vec<File>, _> = spec.cgroups.iter().map(|dir| cgroup::door(dir)).collect();
    let doors = doors.to("open the container's cgroups")?;
    Ok(match fork_inside()? {
        (Some(pid), barrier) => Started::Outer { pid, barrier, doors },
        // Here the doors close: they lead out of the container.
        (None, barrier) => Started::Inner { barrier },
    })
}

fn fork_inside() -> Result<(Option<Pid>, UnixStream), InitError> {
    // A Ctrl-C is for the owner; it then ends the container in order.
    setsid().to("leave the owner's session")?;
    let spaces = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWNET;
    // SAFETY: no flag here unshares memory or file descriptors, which is what the call is unsafe for.
    unsafe { unshare_unsafe(spaces) }.to("make namespaces")?;
    let (ours, theirs) = UnixStream::pair().to("make a socket pair")?;
    // SAFETY: this process has one thread, so the child owns every lock that it can meet.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()).to("fork the container's first process"),
        0 => Ok((None, theirs)),
        pid => Ok((Pid::from_raw(pid), ours)),
    }
}

/// Into the cgroup once the root is built: what is seen as the container's own shall be its deeds, not its making.
fn admit(pid: Pid, mut barrier: UnixStream, doors: Vec<File>) -> Result<(), InitError> {
    match barrier.read_exact(&mut [0]) {
        // It has failed and says why by itself.
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        read => read.to("wait for the container's root")?,
    }
    let raw = pid.as_raw_nonzero().get().unsigned_abs();
    for mut door in doors {
        door.write_all(raw.to_string().as_bytes()).to("enter the container's cgroup")?;
    }
    barrier.write_all(&raw.to_ne_bytes()).to("let the container's first process go on")
}

/// For the inner process, its root being built: its pid as the host counts, once it is in its cgroup.
pub(super) fn admitted(mut barrier: UnixStream) -> Result<u32, InitError> {
    barrier.write_all(&[0]).to("report that the root is built")?;
    let mut pid = [0; 4];
    barrier.read_exact(&mut pid).to("wait for the cgroup")?;
    Ok(u32::from_ne_bytes(pid))
}

/// Until the container or its owner is gone; then both are.
fn watch(owner: &UnixStream, pid: Pid) -> Result<(), InitError> {
    let inner = pidfd_open(pid, PidfdFlags::empty()).to("watch the container's first process")?;
    // A hang-up of the owner is reported unasked; its messages are not for this process.
    let mut ends = [
        PollFd::from_borrowed_fd(owner.as_fd(), PollFlags::empty()),
        PollFd::from_borrowed_fd(inner.as_fd(), PollFlags::IN),
    ];
    loop {
        match poll(&mut ends, None) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).to("wait for the container or its owner"),
        }
    }
    match pidfd_send_signal(&inner, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(e) => return Err(e).to("end the container's first process"),
    }
    // The kernel has ended the whole pid namespace before pid 1 can be waited for.
    waitpid(Some(pid), WaitOptions::empty()).to("wait for the container's end")?;
    Ok(())
}
