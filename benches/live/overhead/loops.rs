//! The loops: system calls that a node makes all day, each as often as a batch has it. What a batch needs is made
//! before its clock starts and taken away after it stops.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::cpu;

pub struct Loop {
    pub name: &'static str,
    /// Operations of a batch.
    pub times: u32,
    /// Does them in a directory of its own.
    pub batch: fn(&Path, u32) -> Result<Took>,
}

/// What a batch took.
pub struct Took {
    /// By the clock.
    pub wall: Duration,
    /// On a CPU, with the children that it waited for.
    pub cpu: Duration,
}

pub const LOOPS: [Loop; 6] = [
    Loop { name: "getppid", times: 20_000, batch: getppid },
    Loop { name: "open+close, one file", times: 2_000, batch: open_one_file },
    Loop { name: "open+close, new files", times: 2_000, batch: open_new_files },
    Loop { name: "dup+close", times: 10_000, batch: dup },
    Loop { name: "fork+exec+exit", times: 50, batch: fork_exec_exit },
    Loop { name: "connect, refused", times: 500, batch: connect_refused },
];

/// Nobody listens there.
const CLOSED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn time(times: u32, mut once: impl FnMut(u32) -> Result<()>) -> Result<Took> {
    let (begun, before) = (Instant::now(), cpu::of_this_process());
    for n in 0..times {
        once(n)?;
    }
    Ok(Took { wall: begun.elapsed(), cpu: cpu::of_this_process().saturating_sub(before) })
}

fn getppid(_: &Path, times: u32) -> Result<Took> {
    time(times, |_| {
        std::hint::black_box(std::os::unix::process::parent_id());
        Ok(())
    })
}

fn open_one_file(dir: &Path, times: u32) -> Result<Took> {
    let path = dir.join("one-file");
    make(&path)?;
    let took = time(times, |_| File::open(&path).map(drop).context("open the file"))?;
    fs::remove_file(&path).context("remove the file")?;
    Ok(took)
}

/// Each file is opened for the first time.
fn open_new_files(dir: &Path, times: u32) -> Result<Took> {
    let paths: Vec<_> = (0..times).map(|n| dir.join(format!("new-{n:04}"))).collect();
    paths.iter().try_for_each(|path| make(path))?;
    let took = time(times, |n| File::open(&paths[n as usize]).map(drop).context("open a file"))?;
    paths.iter().try_for_each(fs::remove_file).context("remove the files")?;
    Ok(took)
}

/// Makes a file without opening it.
fn make(path: &Path) -> Result<()> {
    mknodat(CWD, path, FileType::RegularFile, Mode::RUSR, 0)
        .with_context(|| format!("make {}", path.display()))
}

fn dup(_: &Path, times: u32) -> Result<Took> {
    let null = File::open("/dev/null").context("open /dev/null")?;
    time(times, |_| null.as_fd().try_clone_to_owned().map(drop).context("dup"))
}

fn connect_refused(_: &Path, times: u32) -> Result<Took> {
    time(times, |_| match TcpStream::connect(CLOSED) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error).context("connect"),
        Ok(_) => bail!("somebody listens at {CLOSED}"),
    })
}

fn fork_exec_exit(_: &Path, times: u32) -> Result<Took> {
    let arguments = [c"true".as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    time(times, |_| {
        // SAFETY: this program has one thread; the child makes two system calls, with strings and lists that end.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            unsafe {
                libc::execve(c"/bin/true".as_ptr(), arguments.as_ptr(), environment.as_ptr());
                libc::_exit(127);
            }
        }
        let mut status = 0;
        // SAFETY: the status is ours to write.
        if child < 0 || unsafe { libc::waitpid(child, &mut status, 0) } != child {
            return Err(io::Error::last_os_error()).context("fork, or wait for the child");
        }
        if status != 0 {
            bail!("/bin/true ended with {status}");
        }
        Ok(())
    })
}
