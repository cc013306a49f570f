//! Runs a fuzz target without cargo-fuzz and without nightly.
//!
//! Coverage instrumentation is a stable code generation flag. What needs nightly are the sanitizers, and they look
//! for memory errors that the fuzzed crates cannot have: they forbid unsafe code.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    debian::{self, Need},
    sh,
};

#[derive(clap::Args)]
pub struct Args {
    /// A file of fuzz/fuzz_targets, without `.rs`.
    target: String,
    /// How long: `30s`, `10m`, `1h`.
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = seconds)]
    time: u64,
}

/// What libFuzzer reads: edges, comparisons and the table of program counters.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Ccodegen-units=1",
];

/// Which directories hold good inputs of a target.
const SEEDS: &[(&str, &str)] = &[("rules", "rules"), ("rules", "engine/tests/sigma")];

pub fn run(args: &Args) -> Result<()> {
    let dir = sh::root().join("fuzz");
    if !dir.join("fuzz_targets").join(&args.target).with_extension("rs").exists() {
        bail!("no fuzz target `{}` in {}", args.target, dir.display());
    }
    debian::provide(&[Need::Fuzz])?;
    let host = host()?;
    let target_dir = sh::root().join("target/fuzz");
    let mut cargo = sh::cargo();
    // With --target the flags reach the fuzzed crates and not the build scripts.
    cargo
        .current_dir(&dir)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
        .env("CARGO_TARGET_DIR", &target_dir);
    sh::run(cargo.args(["build", "--release", "--bin", &args.target, "--target", &host]))?;
    let corpus = dir.join("corpus").join(&args.target);
    let artifacts = dir.join("artifacts").join(&args.target);
    for made in [&corpus, &artifacts] {
        std::fs::create_dir_all(made).with_context(|| format!("make {}", made.display()))?;
    }
    let mut fuzzer = Command::new(target_dir.join(&host).join("release").join(&args.target));
    fuzzer.current_dir(&dir).arg(format!("-max_total_time={}", args.time)).arg("-print_final_stats=1");
    fuzzer.arg("-max_len=65536").arg(format!("-artifact_prefix={}/", artifacts.display())).arg(&corpus);
    fuzzer.args(seeds(&args.target));
    let words = dir.join("words").join(&args.target);
    if words.exists() {
        fuzzer.arg(format!("-dict={}", words.display()));
    }
    sh::run(&mut fuzzer).with_context(|| format!("an input that fails is in {}", artifacts.display()))
}

/// Good inputs to start from, as far as the tree has some.
fn seeds(target: &str) -> impl Iterator<Item = PathBuf> {
    let dirs = SEEDS.iter().filter(move |(name, _)| *name == target).map(|(_, dir)| sh::root().join(dir));
    dirs.filter(|path| path.is_dir())
}

fn host() -> Result<String> {
    let verbose = sh::read(Command::new("rustc").arg("-vV"))?;
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV has no `host`")?.to_owned())
}

fn seconds(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some(_) | None => return Err("a number followed by s, m or h".into()),
    };
    number.parse::<u64>().map(|n| n * factor).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(seconds("30s"), Ok(30));
        assert_eq!(seconds("2m"), Ok(120));
        assert_eq!(seconds("1h"), Ok(3600));
        assert!(seconds("30").is_err() && seconds("s").is_err() && seconds("").is_err());
    }
}
