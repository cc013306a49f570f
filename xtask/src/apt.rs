//! Packages of other suites of Debian than the machine's, fetched and never installed: apt with lists and a cache of its own
//! below target/ keeps them away from the machine's package state. The archive's address is the one that the machine uses
//! itself.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::sh;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// For one suite.
pub struct Apt {
    pub dir: PathBuf,
}

impl Apt {
    pub fn new(suite: &str, dir: PathBuf) -> Result<Apt> {
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        let apt = Apt { dir };
        let archive = archive()?;
        let line = |kind: &str| format!("{kind} [arch=amd64 signed-by={KEYRING}] {archive} {suite} main\n");
        sh::write_file(&apt.dir.join("sources.list"), line("deb") + &line("deb-src"))?;
        for made in ["lists/partial", "cache/archives/partial"] {
            let made = apt.dir.join(made);
            fs::create_dir_all(&made).with_context(|| format!("make {}", made.display()))?;
        }
        sh::run(apt.get().arg("update")).with_context(|| format!("read the package list of {suite}"))?;
        Ok(apt)
    }

    pub fn get(&self) -> Command {
        let mut command = self.with_own_lists("apt-get");
        // The files are ours, and the user that apt would change to may not reach them.
        command.args(["-qq", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User="]);
        command
    }

    pub fn with_own_lists(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let own = |path: &str| self.dir.join(path).display().to_string();
        for option in [
            format!("Dir::State::Lists={}", own("lists")),
            format!("Dir::Cache={}", own("cache")),
            format!("Dir::Etc::SourceList={}", own("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }
}

/// The address of the Debian archive in the machine's own sources.
fn archive() -> Result<String> {
    let format = "$(LABEL) $(COMPONENT) $(REPO_URI)";
    let targets =
        sh::read(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]))?;
    let found = targets.lines().find_map(|line| line.strip_prefix("Debian main "));
    match found {
        Some(address) => Ok(address.to_owned()),
        None => bail!("apt's lists name no Debian archive: run apt-get update"),
    }
}
