//! Lays the kernel side's sources out so that the object does not depend on where the checkout is.
//!
//! Cargo hashes the place of a package into the names of its symbols unless it lies inside the workspace. `agent-ebpf`
//! is a workspace of its own and `events` lies beside it, so both are copied into one workspace under target/.
//! Only what changed is copied again, or cargo would rebuild all.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;
use toml::{Table, Value};

use super::{record, toolchain::Toolchain};
use crate::sh;

pub struct Stage {
    pub dir: PathBuf,
}

/// A dependency from a registry.
pub struct Package {
    /// `aya-ebpf-0.2.1`.
    pub name: String,
    pub dir: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

const MEMBERS: &[&str] = &["agent-ebpf", "events"];

impl Stage {
    pub fn lay(root: &Path, dir: &Path) -> Result<Stage> {
        let manifest = |name: &str| -> Result<Table> {
            let path = root.join(name);
            sh::read_file(&path)?.parse().with_context(|| format!("parse {}", path.display()))
        };
        let outer = manifest("Cargo.toml")?;
        let kernel = manifest("agent-ebpf/Cargo.toml")?;
        let mut wanted =
            vec![(PathBuf::from("Cargo.toml"), workspace(&outer, &kernel)?.to_string().into_bytes())];
        for name in record::source_files(root)? {
            let bytes = match name.to_str() {
                Some("agent-ebpf/Cargo.toml") => without(kernel.clone(), &["workspace", "profile"]),
                Some("events/Cargo.toml") => without(manifest("events/Cargo.toml")?, &["dev-dependencies"]),
                _ => fs::read(root.join(&name)).with_context(|| format!("read {}", name.display()))?,
            };
            let to =
                if name == Path::new("agent-ebpf/Cargo.lock") { PathBuf::from("Cargo.lock") } else { name };
            wanted.push((to, bytes));
        }
        remove_others(dir, Path::new(""), &wanted)?;
        for (name, bytes) in &wanted {
            let path = dir.join(name);
            if fs::read(&path).ok().as_ref() != Some(bytes) {
                sh::write_file(&path, bytes)?;
            }
        }
        Ok(Stage { dir: dir.to_path_buf() })
    }

    /// Dependencies that lie outside the stage, for their paths to be hidden.
    pub fn foreign_packages(&self, toolchain: &Toolchain) -> Result<Vec<Package>> {
        let mut cargo = toolchain.cargo(&self.dir)?;
        let text = sh::read(cargo.args(["metadata", "--locked", "--format-version=1"]))?;
        let metadata: Metadata = serde_json::from_str(&text).context("parse cargo's metadata")?;
        let outside = metadata.packages.into_iter().filter(|p| !p.manifest_path.starts_with(&self.dir));
        Ok(outside
            .filter_map(|p| {
                let dir = p.manifest_path.parent()?.to_path_buf();
                Some(Package { name: format!("{}-{}", p.name, p.version), dir })
            })
            .collect())
    }
}

/// The root manifest of the stage: what members inherit, and the kernel side's profile.
fn workspace(outer: &Table, kernel: &Table) -> Result<Table> {
    let mut workspace =
        outer.get("workspace").and_then(Value::as_table).context("no [workspace] in Cargo.toml")?.clone();
    workspace.retain(|key, _| ["resolver", "package", "dependencies", "lints"].contains(&key));
    if let Some(dependencies) = workspace.get_mut("dependencies").and_then(Value::as_table_mut) {
        dependencies.retain(|_, value| match value.get("path").and_then(Value::as_str) {
            Some(path) => MEMBERS.contains(&path),
            None => true,
        });
    }
    let members = MEMBERS.iter().map(|member| Value::from(*member)).collect::<Vec<_>>();
    workspace.insert("members".into(), members.into());
    let mut root = Table::from_iter([("workspace".to_owned(), Value::from(workspace))]);
    if let Some(profile) = kernel.get("profile") {
        root.insert("profile".into(), profile.clone());
    }
    Ok(root)
}

fn without(mut manifest: Table, keys: &[&str]) -> Vec<u8> {
    for key in keys {
        manifest.remove(*key);
    }
    manifest.to_string().into_bytes()
}

/// Removes files of an earlier state of the tree.
fn remove_others(dir: &Path, below: &Path, wanted: &[(PathBuf, Vec<u8>)]) -> Result<()> {
    let here = dir.join(below);
    if !here.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&here).with_context(|| format!("list {}", here.display()))? {
        let entry = entry.with_context(|| format!("list {}", here.display()))?;
        let name = below.join(entry.file_name());
        if entry.path().is_dir() {
            remove_others(dir, &name, wanted)?;
        } else if !wanted.iter().any(|(path, _)| *path == name) {
            fs::remove_file(entry.path()).with_context(|| format!("remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTER: &str = r#"
        [workspace]
        members = ["events", "engine"]
        exclude = ["agent-ebpf"]
        [workspace.package]
        edition = "2024"
        [workspace.dependencies]
        nightjar-events = { path = "events" }
        nightjar-engine = { path = "engine" }
        zerocopy = "0.8"
        [profile.dev]
        debug = 1
    "#;
    const KERNEL: &str = "[package]\nname = \"nightjar-ebpf\"\n[workspace]\n[profile.release]\ndebug = 2\n";

    fn checkout() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("Cargo.toml", OUTER),
            ("agent-ebpf/Cargo.toml", KERNEL),
            ("agent-ebpf/Cargo.lock", "version = 4\n"),
            ("agent-ebpf/src/main.rs", "//! main\n"),
            (
                "events/Cargo.toml",
                "[package]\nname = \"nightjar-events\"\n[dev-dependencies]\nproptest = \"1\"\n",
            ),
            ("events/src/lib.rs", "//! lib\n"),
        ] {
            sh::write_file(&dir.path().join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn the_stage_is_one_workspace_with_the_kernel_sides_profile_and_lock() {
        let checkout = checkout();
        let stage = Stage::lay(checkout.path(), &checkout.path().join("target/stage")).unwrap();
        let root: Table = sh::read_file(&stage.dir.join("Cargo.toml")).unwrap().parse().unwrap();
        let expected: Table = r#"
            [workspace]
            members = ["agent-ebpf", "events"]
            [workspace.package]
            edition = "2024"
            [workspace.dependencies]
            nightjar-events = { path = "events" }
            zerocopy = "0.8"
            [profile.release]
            debug = 2
        "#
        .parse()
        .unwrap();
        assert_eq!(root, expected);
        assert_eq!(sh::read_file(&stage.dir.join("Cargo.lock")).unwrap(), "version = 4\n");
        assert!(!sh::read_file(&stage.dir.join("events/Cargo.toml")).unwrap().contains("proptest"));
        assert!(!sh::read_file(&stage.dir.join("agent-ebpf/Cargo.toml")).unwrap().contains("workspace"));
    }

    #[test]
    fn a_second_laying_touches_only_what_changed() {
        let checkout = checkout();
        let to = checkout.path().join("target/stage");
        let stage = Stage::lay(checkout.path(), &to).unwrap();
        let kept = stage.dir.join("events/src/lib.rs");
        let edited = stage.dir.join("agent-ebpf/src/main.rs");
        let old = std::time::SystemTime::UNIX_EPOCH;
        fs::File::options().write(true).open(&kept).unwrap().set_modified(old).unwrap();
        sh::write_file(&stage.dir.join("agent-ebpf/src/gone.rs"), "").unwrap();
        sh::write_file(&checkout.path().join("agent-ebpf/src/main.rs"), "//! other\n").unwrap();
        Stage::lay(checkout.path(), &to).unwrap();
        assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), old);
        assert_eq!(sh::read_file(&edited).unwrap(), "//! other\n");
        assert!(!stage.dir.join("agent-ebpf/src/gone.rs").exists());
    }
}
