//! Pid 1 of a container: builds it, then does what its owner says, one command after the other.

use std::os::unix::net::UnixStream;

use rustix::{
    process::{Signal, WaitOptions, set_parent_process_death_signal, wait},
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{HOSTNAME, InitError, Tried, confine, network, outer, root, spawn};
use crate::demo::{
    deeds::Deed,
    message::{Command, Line, Output, Reply, Spec},
};

pub(super) fn main(spec: &Spec, control: UnixStream, barrier: UnixStream) {
    let mut line = Line::new(control);
    let end = build(spec, barrier).and_then(|ready| {
        line.send(&ready).to("report that the container is ready")?;
        obey(spec, &mut line)
    });
    if let Err(e) = end
        && let Err(unsent) = line.send(&Reply::Failed(e.to_string()))
    {
        eprintln!("nightjar demo: {e}; cannot report it: {unsent}");
    }
}

fn build(spec: &Spec, barrier: UnixStream) -> Result<Reply, InitError> {
    set_parent_process_death_signal(Some(Signal::KILL)).to("bind the container's life to its owner's")?;
    rustix::system::sethostname(HOSTNAME.as_bytes()).to("set the host name")?;
    network::set_up()?;
    let overlay = root::enter(spec)?;
    let pid = outer::admitted(barrier)?;
    // SAFETY: the flag unshares neither memory nor file descriptors. Only now: its root shall be the own cgroup.
    unsafe { unshare_unsafe(UnshareFlags::NEWCGROUP) }.to("make a cgroup namespace")?;
    confine::drop_capabilities()?;
    Ok(Reply::Ready { pid, overlay })
}

fn obey(spec: &Spec, line: &mut Line) -> Result<(), InitError> {
    while let Some(command) = line.receive().to("read a command")? {
        let reply = match obey_one(spec, command) {
            Ok(output) => Reply::Done(output),
            Err(e) => Reply::Failed(e.to_string()),
        };
        reap()?;
        line.send(&reply).to("answer a command")?;
    }
    Ok(())
}

fn obey_one(spec: &Spec, command: Command) -> Result<Output, InitError> {
    match command {
        Command::Exec(argv) => spawn::program(&argv),
        Command::Perform(name) => match Deed::find(&name) {
            Some(deed) => (deed.act)(&spec.image),
            None => {
                Err(std::io::Error::from(std::io::ErrorKind::NotFound)).to(format!("find the deed `{name}`"))
            }
        },
    }
}

/// Orphans whose parents ended are pid 1's to bury.
fn reap() -> Result<(), InitError> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(()),
            Err(e) => return Err(e).to("wait for orphans"),
        }
    }
}
