//! Running the commands of container runtimes, with what they said when one fails.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read, Seek},
    process::{Command, Stdio},
};

use nightjar_tests::until::until;

/// Where Debian puts them: what else a machine has must not be taken for them.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

pub fn command(program: &str) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.env_clear().env("PATH", PATH).env("HOME", "/run").arg(program);
    command.stdin(Stdio::null()).current_dir("/");
    command
}

/// Runs it to its end; what it printed, without the last line's end.
pub fn tell<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> String {
    // Files, not pipes: a container that goes on keeps them open.
    let [mut stdout, mut stderr] = [(); 2].map(|()| tempfile::tempfile().expect("a file"));
    let [out, err] = [&stdout, &stderr].map(|file| file.try_clone().expect("a second handle"));
    let mut command = command(program);
    let status = command.args(args).stdout(out).stderr(err).status().expect("env is installed");
    assert!(status.success(), "{command:?} ended with {status}: {}", written(&mut stderr));
    written(&mut stdout).trim_end().to_owned()
}

fn written(file: &mut File) -> String {
    let mut text = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut text)).expect("a file is readable");
    String::from_utf8_lossy(&text).into_owned()
}

/// Starts a daemon, which `Clear` ends, and waits until a command of its client succeeds.
pub fn daemon<'a>(program: &str, args: impl IntoIterator<Item = &'a str>, client: &[&str]) {
    let mut daemon = command(program);
    daemon.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    drop(daemon.spawn().expect("env is installed"));
    until(&format!("{program} answers"), || {
        let mut asked = command(client[0]);
        asked.args(&client[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().expect("env is installed").success().then_some(())
    });
}
