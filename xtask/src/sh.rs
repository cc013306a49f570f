//! Starting other programs, and where the checkout is. A program that fails is an error that shows its command line.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The checkout. Cargo says where it is now; what was compiled in is for a binary that is started by hand.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The cargo that runs this program, started at the checkout's root.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

pub fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))
}

/// Removes what the outer cargo and the user's settings would tell another toolchain. Network settings stay.
pub fn isolate(command: &mut Command) -> &mut Command {
    const KEPT: &[&str] = &["CARGO_HOME", "CARGO_BUILD_JOBS", "RUSTUP_HOME", "RUST_BACKTRACE"];
    const KEPT_PREFIXES: &[&str] =
        &["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_", "RUSTUP_DIST_"];
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let foreign = name.starts_with("CARGO") || name.starts_with("RUST");
        if foreign && !KEPT.contains(&name) && !KEPT_PREFIXES.iter().any(|p| name.starts_with(p)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it with our own output; fails when it does.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("start {}", line(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs it and gives what it printed; fails when it does.
pub fn read(command: &mut Command) -> Result<String> {
    let bytes = read_bytes(command)?;
    String::from_utf8(bytes).with_context(|| format!("output of {} is not UTF-8", line(command)))
}

/// The same for output that is no text.
pub fn read_bytes(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {}", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", line(command), output.status, said.trim());
    }
    Ok(output.stdout)
}

/// The command as a person would type it.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn read_file(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

pub fn write_file(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}
