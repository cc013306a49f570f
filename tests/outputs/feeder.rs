//! The program that stands for the agent, with a configuration of the test's own.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use nightjar::spool::report;
use nightjar_tests::until::until;
use tempfile::TempDir;

/// A spool and a configuration, in a folder that goes with it.
pub struct Site {
    pub dir: TempDir,
    pub spool: PathBuf,
    config: PathBuf,
}

pub struct Feeder {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Highest number that the spool has taken.
    pub accepted: u64,
}

impl Site {
    /// `outputs` is the list in YAML's flow form.
    pub fn new(outputs: &str) -> Site {
        let dir = tempfile::tempdir().expect("a folder");
        let spool = dir.path().join("spool");
        Site::at(dir, spool, outputs)
    }

    pub fn at(dir: TempDir, spool: PathBuf, outputs: &str) -> Site {
        let config = dir.path().join("nightjar.yaml");
        let site = Site { dir, spool, config };
        site.configure(outputs);
        site
    }

    pub fn configure(&self, outputs: &str) {
        let spool = self.spool.display();
        let text = format!("spool_dir: {spool}\nspool_size: 64MiB\noutputs: {outputs}\n");
        fs::write(&self.config, text).expect("a file");
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn feed(&self, first: u64, last: u64) -> Feeder {
        let mut child = Command::new(env!("CARGO_BIN_EXE_feeder"))
            .arg(&self.config)
            .args([first.to_string(), last.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the feeder is built");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Feeder { child, lines, accepted: first - 1 }
    }

    /// Feeds and sends until the spool is empty.
    pub fn deliver(&self, first: u64, last: u64) {
        self.feed(first, last).finish();
        until("the spool is empty", || {
            let waiting: u64 = self.waiting();
            if waiting > 0 {
                self.feed(last + 1, last).finish();
            }
            (waiting == 0).then_some(())
        });
    }

    pub fn waiting(&self) -> u64 {
        self.status().outputs.iter().map(|output| output.waiting).sum()
    }

    pub fn status(&self) -> report::Report {
        report::status(&self.spool).expect("the spool can be looked at")
    }
}

impl Feeder {
    /// Until it says more, or has ended.
    pub fn wait(&mut self) -> bool {
        match self.lines.next() {
            Some(line) => {
                self.accepted = line.expect("a line").parse().expect("a number");
                true
            }
            None => false,
        }
    }

    pub fn kill(mut self) -> u64 {
        self.child.kill().expect("it can be killed");
        while self.wait() {}
        self.child.wait().expect("it ends");
        self.accepted
    }

    pub fn finish(mut self) -> u64 {
        while self.wait() {}
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "the feeder ended with {status}");
        self.accepted
    }
}
