//! Sets of rules to judge by: our own, Falco's and Sigma's where they are at hand, and as many made-up ones as are asked
//! for.

use std::{fmt, fs, path::Path};

use nightjar::config::rules::{built_in, read};
use nightjar_engine::rule::{RuleSet, Source, load};

#[derive(Clone, Copy, Debug)]
pub enum RuleKind {
    /// Built into the agent.
    Own,
    /// Falco's three official files, from the folder that `NIGHTJAR_CORPUS` names.
    Falco,
    /// The same, and SigmaHQ's for Linux beside them.
    Both,
    MadeUp(usize),
    /// In Sigma.
    MadeUpSigma(usize),
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleKind::Own => f.write_str("our own rules"),
            RuleKind::Falco => f.write_str("Falco's rules"),
            RuleKind::Both => f.write_str("Falco's and Sigma's rules"),
            RuleKind::MadeUpSigma(count) => write!(f, "{count} made-up rules of Sigma"),
            RuleKind::MadeUp(count) => write!(f, "{count} made-up rules"),
        }
    }
}

/// `None`: the official ones are not here.
pub fn rules(kind: RuleKind) -> Option<RuleSet> {
    let sources = match kind {
        RuleKind::Own => built_in(),
        RuleKind::Falco => falco()?,
        RuleKind::Both => falco()?.into_iter().chain(sigma()?).collect(),
        RuleKind::MadeUpSigma(count) => {
            vec![Source { name: "made-up.yml".into(), text: (0..count).map(made_up_sigma).collect() }]
        }
        RuleKind::MadeUp(count) => {
            vec![Source { name: "made-up.yaml".into(), text: (0..count).map(made_up).collect() }]
        }
    };
    let loaded = load(&sources);
    let loaded = loaded.unwrap_or_else(|errors| panic!("{kind}: {}", errors[0]));
    Some(loaded.rules)
}

fn falco() -> Option<Vec<Source>> {
    let folder = std::env::var_os("NIGHTJAR_CORPUS")?;
    let files = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let read = |name: &str| {
        let text = fs::read_to_string(Path::new(&folder).join("falco").join(name));
        Source { name: name.into(), text: text.unwrap_or_else(|error| panic!("{name}: {error}")) }
    };
    Some(files.into_iter().map(read).collect())
}

fn sigma() -> Option<Vec<Source>> {
    let folder = Path::new(&std::env::var_os("NIGHTJAR_CORPUS")?).join("sigma");
    Some(read(&[folder]).unwrap_or_else(|error| panic!("{error}")))
}

/// One of five shapes of SigmaHQ's, mostly of what is run.
fn made_up_sigma(n: usize) -> String {
    let (category, selections, condition) = match n % 5 {
        0 => ("process_creation", format!("a: {{Image|endswith: ['/tool{n}', '/tool{n}d']}}"), "a"),
        1 => (
            "process_creation",
            format!(
                "a: {{Image|endswith: /runner{}, CommandLine|contains|all: ['--key{n}', ' -v ']}}",
                n % 50
            ),
            "a",
        ),
        2 => (
            "process_creation",
            format!(
                "a: {{CommandLine|contains: ['--dump{n}', 'exfil{n}.example']}}\n  b: {{ParentImage|endswith: /app{n}}}"
            ),
            "a and not b",
        ),
        3 => ("file_event", format!("a: {{TargetFilename|startswith: /opt/app{n}/}}"), "a"),
        _ => (
            "process_creation",
            format!("a: {{Image|endswith: /shell{}}}\n  b: {{CommandLine|re: 'x{n}[0-9]+'}}", n % 50),
            "all of them",
        ),
    };
    format!(
        "---\ntitle: Made up {n}\nlogsource: {{product: linux, category: {category}}}\ndetection:\n  {selections}\n  condition: {condition}\n"
    )
}

/// One of six shapes that are common in rule files. One rule in ten asks for a piece of a command line and nothing else,
/// which no word can file.
fn made_up(n: usize) -> String {
    let condition = match n % 5 {
        _ if n % 10 == 9 => format!("evt.type in (execve, execveat) and proc.cmdline contains \"--dump{n}\""),
        0 => format!(
            "evt.type in (execve, execveat) and proc.name in (tool{n}, tool{n}d) and container.id != host"
        ),
        1 => format!(
            "evt.type in (execve, execveat) and proc.name = runner{} and proc.cmdline contains \"--key{n}\"",
            n % 50
        ),
        2 => format!(
            "evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name = /etc/app{n}/secret and not proc.name in (app{n}, backup)"
        ),
        3 => format!(
            "evt.type in (open, openat, openat2) and evt.is_open_write = true and fd.name startswith /opt/app{n}/ and not proc.pname = installer{n}"
        ),
        _ => format!(
            "evt.type in (open, openat, openat2) and fd.directory in (/var/lib/app{n}, /var/cache/app{n}) and proc.tty != 0"
        ),
    };
    format!(
        "- rule: Made up {n}\n  desc: d\n  priority: NOTICE\n  output: made up (file=%fd.name command=%proc.cmdline)\n  condition: >\n    {condition}\n"
    )
}
