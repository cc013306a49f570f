//! The agent as a child process, and the file whose opening it is told to object to.

use std::{
    env,
    fs::{self, File},
    io::{self, BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder of one measurement's own.
pub struct Scene {
    folder: TempDir,
    binary: PathBuf,
}

impl Scene {
    pub fn new() -> Result<Scene> {
        let binary = env::var_os("NIGHTJAR_BIN").context("NIGHTJAR_BIN must name the agent")?;
        let scene = Scene { folder: tempfile::tempdir().context("make a folder")?, binary: binary.into() };
        let marker = scene.marker();
        fs::write(&marker, "").with_context(|| format!("write {}", marker.display()))?;
        let rule = format!(
            "- rule: Marker opened\n  desc: The deed that is waited for\n  priority: NOTICE\n  output: opened\n  condition: evt.type in (open, openat) and fd.name = {}\n",
            marker.display()
        );
        fs::write(scene.marker_rule(), rule).context("write the marker's rule")?;
        Ok(scene)
    }

    fn marker(&self) -> PathBuf {
        self.folder.path().join("marker")
    }

    fn marker_rule(&self) -> PathBuf {
        self.folder.path().join("marker.yaml")
    }

    /// The deed.
    pub fn open_marker(&self) -> Result<()> {
        File::open(self.marker()).map(drop).context("open the marker")
    }

    /// What no rule objects to.
    pub fn open_other(&self) -> Result<()> {
        File::open(self.marker_rule()).map(drop).context("open another file")
    }

    /// `nightjar run` as it is without settings. Nobody reads its alerts.
    pub fn agent(&self) -> Result<Agent> {
        self.start(&[], Stdio::null())
    }

    /// The same for a cgroup that may do as much as it likes.
    pub fn agent_without_budget(&self) -> Result<Agent> {
        self.start(&["--bulk-budget=0"], Stdio::null())
    }

    /// `nightjar run` with the rules of this repository and the marker's, saying how long each part of its start took.
    /// Each deed is an alert of its own.
    pub fn agent_for_marker(&self, more: &[&str]) -> Result<Agent> {
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules");
        let rule = self.marker_rule();
        let rule = rule.to_str().context("the folder's name is no text")?;
        let alone = ["--incident-window-secs=0", "--rule-limit=0"];
        let args = [&["--log-level=debug", "--rules", own, rule], &alone[..], more].concat();
        self.start(&args, Stdio::piped())
    }

    /// `nightjar run` by one family of hooks, with another kernel side where `object` names one.
    pub fn agent_by(&self, family: &str, object: Option<&Path>) -> Result<Agent> {
        let mut command = self.command(&["--hooks", family]);
        command.envs(object.map(|object| ("NIGHTJAR_BPF_OBJECT", object)));
        spawn(command, Stdio::null())
    }

    fn start(&self, args: &[&str], alerts: Stdio) -> Result<Agent> {
        spawn(self.command(args), alerts)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["run", "--output=json"]).args(args);
        command
    }
}

fn spawn(mut command: Command, alerts: Stdio) -> Result<Agent> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(alerts)
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let alerts: Box<dyn BufRead> = match child.stdout.take() {
        Some(alerts) => Box::new(BufReader::new(alerts)),
        None => Box::new(io::empty()),
    };
    let messages = BufReader::new(child.stderr.take().context("no standard error")?).lines();
    Ok(Agent { child, alerts: alerts.lines(), messages })
}

pub struct Agent {
    child: Child,
    pub alerts: Lines<Box<dyn BufRead>>,
    messages: Lines<BufReader<ChildStderr>>,
}

impl Agent {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads what the agent says until it watches.
    pub fn until_it_watches(&mut self) -> Result<Vec<String>> {
        let mut said = Vec::new();
        for line in &mut self.messages {
            said.push(line.context("read the agent's messages")?);
            if said.last().is_some_and(|line| line.contains(" watching ")) {
                return Ok(said);
            }
        }
        bail!("the agent ended before it watched: {}", said.join("\n"))
    }

    /// Asks it to end, and gives what it still had to say.
    pub fn end(mut self) -> Result<Vec<String>> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("ask the agent to end")?;
        drop(self.alerts);
        let said = self.messages.collect::<Result<_, _>>().context("read the agent's messages")?;
        self.child.wait().context("wait for the agent")?;
        Ok(said)
    }
}

/// The value of `key=` in a message.
pub fn value<'m>(message: &'m str, key: &str) -> Option<&'m str> {
    let (_, after) = message.split_once(&format!(" {key}="))?;
    match after.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => after.split(' ').next(),
    }
}
