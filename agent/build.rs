//! Lists the rule files under rules/, so that the binary carries them.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let rules = root.join("rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    let mut files = Vec::new();
    if rules.is_dir() {
        collect(&rules, &mut files)?;
    }
    let rows = files.iter().map(|file| {
        let name = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        format!("    ({name:?}, include_str!({:?})),\n", file.display().to_string())
    });
    let list = format!("&[\n{}]\n", rows.collect::<String>());
    let out = env::var_os("OUT_DIR")
        .ok_or_else(|| std::io::Error::other("cargo sets OUT_DIR for build scripts"))?;
    fs::write(PathBuf::from(out).join("built_in_rules.rs"), list)
}

/// In the order in which `config::rules` reads a folder.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries =
        fs::read_dir(dir)?.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            files.push(path);
        }
    }
    Ok(())
}
