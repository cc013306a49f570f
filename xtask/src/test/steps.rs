//! The steps of a test run, in their order, and how each is done.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::harness::{self, Report, Variable};
use crate::{
    artifacts::{self, Artifacts, TestProgram},
    debian::Need,
    docs, ebpf, receivers, sh, tidy, vm,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Format,
    Digests,
    Tidy,
    Clippy,
    Build,
    Docs,
    Unit,
    Rules,
    Ebpf,
    Kernel,
    Containers,
    Vm,
    Spool,
    Outputs,
}

/// The crate of tests that load the agent into this machine's kernel.
const KERNEL_PACKAGE: &str = "nightjar-tests";
/// Its program that needs container runtimes.
const CONTAINERS_TARGET: &str = "containers";
/// Its program that sends alerts out.
const OUTPUTS_TARGET: &str = "outputs";
/// Names of its tests that need no receivers begin with this.
const SPOOL_TESTS: &str = "spool::";
/// Names the folder of rule files of other projects.
pub const CORPUS_VARIABLE: &str = "NIGHTJAR_CORPUS";

impl Part {
    const ALL: [Part; 14] = [
        Part::Format,
        Part::Digests,
        Part::Tidy,
        Part::Clippy,
        Part::Build,
        Part::Docs,
        Part::Unit,
        Part::Rules,
        Part::Ebpf,
        Part::Kernel,
        Part::Containers,
        Part::Vm,
        Part::Spool,
        Part::Outputs,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Part::Format => "format",
            Part::Digests => "digests",
            Part::Tidy => "tidy",
            Part::Clippy => "clippy",
            Part::Build => "build",
            Part::Docs => "docs",
            Part::Unit => "unit",
            Part::Rules => "rules",
            Part::Ebpf => "ebpf",
            Part::Kernel => "kernel",
            Part::Containers => "containers",
            Part::Vm => "vm",
            Part::Spool => "spool",
            Part::Outputs => "outputs",
        }
    }

    pub fn doc(self) -> &'static str {
        match self {
            Part::Format => "rustfmt has nothing to change",
            Part::Digests => "the committed eBPF object is that of the committed sources",
            Part::Tidy => "the house rules",
            Part::Clippy => "no lint complains, in any target",
            Part::Build => "everything, once",
            Part::Docs => "generated references are what the code says",
            Part::Unit => "unit, property and documentation tests",
            Part::Rules => "our own rules load and pass their tests",
            Part::Ebpf => "the eBPF object, rebuilt",
            Part::Kernel => "deeds on the running kernel, end to end",
            Part::Containers => "containers of real runtimes, from the deed to the alert",
            Part::Vm => "deeds on older and newer kernels, in virtual machines",
            Part::Spool => "the spool, killed, filled up and damaged",
            Part::Outputs => "alerts at the receivers of every output",
        }
    }

    /// What the machine must have for it.
    pub fn needs(self) -> &'static [Need] {
        match self {
            Part::Ebpf => &[Need::Ebpf],
            Part::Kernel => &[Need::Tests],
            Part::Containers => &[Need::Tests, Need::Containers],
            Part::Vm => &[Need::Vm],
            Part::Outputs => &[Need::Tests, Need::Outputs],
            Part::Format | Part::Digests | Part::Tidy | Part::Clippy | Part::Build => &[],
            Part::Docs | Part::Unit | Part::Rules | Part::Spool => &[],
        }
    }

    /// Whether it starts programs that `Build` makes.
    fn needs_build(self) -> bool {
        match self {
            Part::Docs | Part::Unit | Part::Rules | Part::Kernel | Part::Containers => true,
            Part::Spool | Part::Outputs => true,
            Part::Format | Part::Digests | Part::Tidy | Part::Clippy | Part::Build => false,
            Part::Ebpf | Part::Vm => false,
        }
    }
}

/// The parts in which a test is looked for by its name; the outputs' tests are those of the spool too.
const WITH_NAMES: [Part; 5] = [Part::Build, Part::Unit, Part::Kernel, Part::Containers, Part::Outputs];

/// What is run without a word: other kernels take as long as all the rest, and are asked for by name.
fn without_vm() -> Vec<Part> {
    Part::ALL.into_iter().filter(|part| *part != Part::Vm).collect()
}

/// The parts to run, and what the names of tests must contain.
pub fn select(selection: Option<&str>) -> (Vec<Part>, Option<String>) {
    let Some(word) = selection else { return (without_vm(), None) };
    if word == "lint" {
        return (vec![Part::Format, Part::Digests, Part::Tidy, Part::Clippy], None);
    }
    match Part::ALL.into_iter().find(|part| part.name() == word) {
        Some(part) if part.needs_build() => (vec![Part::Build, part], None),
        Some(part) => (vec![part], None),
        None => (WITH_NAMES.to_vec(), Some(word.to_owned())),
    }
}

/// Rule files of other projects to test with, when they are here.
pub fn corpus() -> Option<PathBuf> {
    let beside = || Some(sh::root().parent()?.join("shared/corpus"));
    env::var_os(CORPUS_VARIABLE).map(PathBuf::from).or_else(beside).filter(|path| path.is_dir())
}

pub struct Steps {
    filter: Option<String>,
    /// How often the spool's tests kill the agent.
    rounds: u32,
    artifacts: Option<Artifacts>,
}

impl Steps {
    pub fn new(filter: Option<String>, rounds: u32) -> Steps {
        Steps { filter, rounds, artifacts: None }
    }

    pub fn run(&mut self, part: Part) -> Result<Report> {
        let check = |done: Result<()>| done.map(|()| Report::CHECK);
        match part {
            Part::Format => check(tidy::format(&["--check"])),
            Part::Digests => check(ebpf::check_digests().map(drop)),
            Part::Tidy => check(tidy::check()),
            Part::Clippy => check(sh::run(sh::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "--deny",
                "warnings",
            ]))),
            Part::Build => {
                self.artifacts = Some(artifacts::build()?);
                Ok(Report::CHECK)
            }
            Part::Docs => check(docs::check(&self.built()?.nightjar)),
            Part::Unit => unit(self.built()?, self.filter.as_deref()),
            Part::Rules => check(rules(self.built()?)),
            Part::Ebpf => check(ebpf::check()),
            Part::Kernel | Part::Containers => on_kernel(part, self.built()?, self.filter.as_deref(), &[]),
            Part::Vm => vm::run(&vm::Args::default()),
            Part::Spool => {
                let rounds = self.rounds.to_string();
                outputs(self.built()?, &[SPOOL_TESTS], &[(ROUNDS_VARIABLE, rounds.as_ref())])
            }
            Part::Outputs => self.outputs(),
        }
    }

    /// Runs the tests of the outputs and closes with what was sent and what arrived.
    fn outputs(&self) -> Result<Report> {
        let (folder, report) = (receivers::provide()?, receivers::Counts::begin()?);
        let variables =
            [(receivers::VARIABLE, folder.as_os_str()), (receivers::Counts::VARIABLE, report.path())];
        let words: Vec<&str> = match &self.filter {
            Some(filter) => vec![filter],
            // The step before has run those.
            None => vec!["--skip", SPOOL_TESTS],
        };
        let done = outputs(self.built()?, &words, &variables)?;
        report.print()?;
        Ok(done)
    }

    fn built(&self) -> Result<&Artifacts> {
        self.artifacts.as_ref().context("the build step has not run")
    }
}

fn unit(artifacts: &Artifacts, filter: Option<&str>) -> Result<Report> {
    let corpus = corpus();
    let variables: Vec<Variable> = corpus.iter().map(|path| (CORPUS_VARIABLE, path.as_os_str())).collect();
    let programs = artifacts.tests.iter().filter(|program| program.package != KERNEL_PACKAGE);
    let mut report = harness::run_programs(programs, &artifacts.nightjar, filter, &variables)?;
    println!("\n     running documentation tests");
    report.add(harness::run(sh::cargo().args(["test", "--quiet", "--workspace", "--doc"]).args(filter))?);
    Ok(report)
}

fn rules(artifacts: &Artifacts) -> Result<()> {
    for verb in ["check", "test"] {
        let mut command = Command::new(&artifacts.nightjar);
        sh::run(command.current_dir(sh::root()).args(["rules", verb, "rules/"]))?;
    }
    Ok(())
}

/// Runs the tests that need the kernel, with more variables in their environment.
pub fn kernel(artifacts: &Artifacts, filter: Option<&str>, variables: &[Variable]) -> Result<Report> {
    on_kernel(Part::Kernel, artifacts, filter, variables)
}

fn on_kernel(
    part: Part,
    artifacts: &Artifacts,
    filter: Option<&str>,
    variables: &[Variable],
) -> Result<Report> {
    if !sh::is_root() {
        bail!("these tests load eBPF programs: run as root, or choose another part");
    }
    let corpus = corpus();
    let mut variables = variables.to_vec();
    variables.extend(corpus.iter().map(|path| (CORPUS_VARIABLE, path.as_os_str())));
    let is_its = |program: &&TestProgram| {
        let with_containers = program.target == CONTAINERS_TARGET;
        program.package == KERNEL_PACKAGE
            && program.target != OUTPUTS_TARGET
            && with_containers == (part == Part::Containers)
    };
    let mut programs = artifacts.tests.iter().filter(is_its).peekable();
    if programs.peek().is_none() {
        bail!("{KERNEL_PACKAGE} has no test program for {}", part.name());
    }
    harness::run_programs(programs, &artifacts.nightjar, filter, &variables)
}

/// How often the spool's tests kill what feeds it.
const ROUNDS_VARIABLE: &str = "NIGHTJAR_SPOOL_ROUNDS";

fn outputs(artifacts: &Artifacts, words: &[&str], variables: &[Variable]) -> Result<Report> {
    if !sh::is_root() {
        bail!("these tests load eBPF programs and mount file systems: run as root, or choose another part");
    }
    let is_its =
        |program: &&TestProgram| program.package == KERNEL_PACKAGE && program.target == OUTPUTS_TARGET;
    let program = artifacts.tests.iter().find(is_its).context("there is no test program for outputs")?;
    // Each test has receivers of its own; more at once than this only slow each other down.
    let mut command = program.command(&artifacts.nightjar);
    command.args(words).args(["--test-threads", "2"]).envs(variables.iter().copied());
    harness::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_means_everything_on_this_machine() {
        assert_eq!(select(None), (without_vm(), None));
        assert_eq!(select(None).0.len(), Part::ALL.len() - 1);
        assert_eq!(select(Some("vm")).0, [Part::Vm]);
    }

    #[test]
    fn a_part_brings_the_build_it_needs_and_nothing_else() {
        assert_eq!(select(Some("unit")).0, [Part::Build, Part::Unit]);
        assert_eq!(select(Some("clippy")).0, [Part::Clippy]);
    }

    #[test]
    fn lint_runs_no_tests() {
        assert!(select(Some("lint")).0.iter().all(|part| !part.needs_build()));
    }

    #[test]
    fn any_other_word_is_a_piece_of_a_tests_name() {
        let (parts, filter) = select(Some("argv"));
        assert_eq!(parts, WITH_NAMES);
        assert_eq!(filter.as_deref(), Some("argv"));
    }
}
