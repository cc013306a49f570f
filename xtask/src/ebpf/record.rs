//! `agent-ebpf/prebuilt/toolchain.toml`: what the committed object was made from, and by what.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What shaped the object besides toolchain and sources.
    pub flags: Vec<String>,
    pub object: Object,
    pub sources: Sources,
    pub toolchain: Identity,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    pub sha256: String,
    pub bytes: usize,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// Over the names and contents of `SOURCES`.
    pub sha256: String,
}

/// Two toolchains with one identity make one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub rustc: String,
    pub rustc_commit: String,
    /// LLVM inside rustc.
    pub rustc_llvm: String,
    pub cargo: String,
    pub bpf_linker: String,
    /// LLVM that bpf-linker loads.
    pub linker_llvm: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rustc {} with bpf-linker {} on LLVM {}", self.rustc, self.bpf_linker, self.linker_llvm)
    }
}

/// Everything in the tree that the object depends on; directories stand for all files below them.
const SOURCES: &[&str] =
    &["agent-ebpf/Cargo.lock", "agent-ebpf/Cargo.toml", "agent-ebpf/src", "events/Cargo.toml", "events/src"];

const HEAD: &str =
    "# Written by `cargo xtask ebpf build`; README.md beside it says what each line means.\n\n";

impl Record {
    pub fn new(object: &[u8], sources: String, toolchain: Identity, flags: Vec<String>) -> Record {
        let object = Object { sha256: digest(object), bytes: object.len() };
        Record { flags, object, sources: Sources { sha256: sources }, toolchain }
    }

    pub fn from_text(text: &str) -> Result<Record> {
        Ok(toml::from_str(text)?)
    }

    pub fn to_text(&self) -> Result<String> {
        Ok(format!("{HEAD}{}", toml::to_string(self).context("write the toolchain record")?))
    }

    /// Whether object, sources and flags are those that were recorded.
    pub fn agrees(&self, object: &[u8], sources: &str, flags: &[String]) -> Result<()> {
        if self.sources.sha256 != sources {
            bail!(
                "agent-ebpf or events was edited after the object was built: run `cargo xtask ebpf build` and commit agent-ebpf/prebuilt"
            );
        }
        if self.flags != flags {
            bail!(
                "the object was built with other flags than xtask now uses: run `cargo xtask ebpf build` and commit agent-ebpf/prebuilt"
            );
        }
        if self.object.sha256 != digest(object) {
            bail!(
                "agent-ebpf/prebuilt/nightjar.bpf.o is not the file that toolchain.toml records: run `cargo xtask ebpf build` and commit both"
            );
        }
        Ok(())
    }
}

pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One digest over names, lengths and contents, in the order of names.
pub fn sources_digest(root: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for name in source_files(root)? {
        let path = root.join(&name);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        hash.update(format!("{}\0{}\0", name.display(), bytes.len()));
        hash.update(&bytes);
    }
    Ok(hex(&hash.finalize()))
}

/// Names relative to the root, sorted.
pub fn source_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for source in SOURCES {
        collect(root, Path::new(source), &mut names)?;
    }
    names.sort();
    Ok(names)
}

fn collect(root: &Path, name: &Path, names: &mut Vec<PathBuf>) -> Result<()> {
    let path = root.join(name);
    if !path.is_dir() {
        names.push(name.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(&path).with_context(|| format!("list {}", path.display()))? {
        let entry = entry.with_context(|| format!("list {}", path.display()))?;
        collect(root, &name.join(entry.file_name()), names)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let word = |text: &str| text.to_owned();
        Identity {
            rustc: word("1.96.0"),
            rustc_commit: word("ac68faa20"),
            rustc_llvm: word("22.1.8"),
            cargo: word("1.96.0"),
            bpf_linker: word("0.10.4"),
            linker_llvm: word("22.1.8"),
        }
    }

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["agent-ebpf/Cargo.lock", "agent-ebpf/Cargo.toml", "events/Cargo.toml"] {
            crate::sh::write_file(&dir.path().join(name), name).unwrap();
        }
        for name in ["agent-ebpf/src/main.rs", "agent-ebpf/src/hooks/exec.rs", "events/src/lib.rs"] {
            crate::sh::write_file(&dir.path().join(name), "//! x").unwrap();
        }
        dir
    }

    fn complaint(record: &Record, object: &[u8], sources: &str, flags: &[String]) -> String {
        record.agrees(object, sources, flags).unwrap_err().to_string()
    }

    #[test]
    fn a_record_survives_being_written() {
        let record = Record::new(b"object", "abc".into(), identity(), vec!["-Cx=\"y\"".into()]);
        assert_eq!(Record::from_text(&record.to_text().unwrap()).unwrap(), record);
    }

    #[test]
    fn an_edited_object_source_or_flag_is_told_apart() {
        let flags = vec!["-Cdebuginfo=2".to_owned()];
        let record = Record::new(b"object", "abc".into(), identity(), flags.clone());
        record.agrees(b"object", "abc", &flags).unwrap();
        assert!(complaint(&record, b"object", "abd", &flags).contains("edited after"));
        assert!(complaint(&record, b"object", "abc", &[]).contains("other flags"));
        assert!(complaint(&record, b"objekt", "abc", &flags).contains("not the file"));
    }

    #[test]
    fn the_sources_digest_sees_content_names_and_new_files() {
        let dir = tree();
        let digest = || sources_digest(dir.path()).unwrap();
        let before = digest();
        assert_eq!(before, digest());
        let exec = dir.path().join("agent-ebpf/src/hooks/exec.rs");
        crate::sh::write_file(&exec, "//! y").unwrap();
        let edited = digest();
        assert_ne!(before, edited);
        fs::rename(&exec, exec.with_file_name("execve.rs")).unwrap();
        let renamed = digest();
        assert_ne!(edited, renamed);
        crate::sh::write_file(&dir.path().join("events/src/event/new.rs"), "").unwrap();
        assert_ne!(renamed, digest());
    }

    #[test]
    fn a_missing_source_is_an_error_that_names_it() {
        let dir = tree();
        fs::remove_file(dir.path().join("agent-ebpf/Cargo.lock")).unwrap();
        let error = format!("{:#}", sources_digest(dir.path()).unwrap_err());
        assert!(error.contains("agent-ebpf/Cargo.lock"), "{error}");
    }
}
