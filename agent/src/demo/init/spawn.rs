//! Runs a program in the container and brings back what it said.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

use rustix::fs::{MemfdFlags, memfd_create};

use super::{InitError, Tried};
use crate::demo::message::Output;

/// Most that is brought back of a program's output, each way.
pub(super) const OUTPUT_MAX: u64 = 64 << 10;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) fn program(argv: &[String]) -> Result<Output, InitError> {
    let Some((name, arguments)) = argv.split_first() else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput)).to("run an empty command line");
    };
    run(command(name).args(arguments))
}

/// With the environment that programs in the container get.
pub(super) fn command(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("PATH", PATH).env("HOME", "/root").current_dir("/");
    command
}

/// A file takes the output, not a pipe: nobody has to read it while the program runs.
pub(super) fn run(command: &mut Command) -> Result<Output, InitError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (stdout, stderr) = (sink()?, sink()?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().to("share an output file")?)
        .stderr(stderr.try_clone().to("share an output file")?)
        .spawn()
        .to(format!("run {name}"))?;
    let status = child.wait().to(format!("wait for {name}"))?;
    Ok(Output { code: code(status), stdout: text(stdout)?, stderr: text(stderr)? })
}

pub(super) fn code(status: std::process::ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1)
}

fn sink() -> Result<File, InitError> {
    Ok(memfd_create("output", MemfdFlags::CLOEXEC).to("make an output file")?.into())
}

fn text(mut file: File) -> Result<String, InitError> {
    file.seek(SeekFrom::Start(0)).to("rewind an output file")?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_MAX).read_to_end(&mut bytes).to("read an output file")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
