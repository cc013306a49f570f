//! The files of the checkout, and checks on the tree as a whole.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::Complaint;

/// A text file; its path is relative to the root, with slashes.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn complaint(&self, line: usize, message: impl Into<String>) -> Complaint {
        Complaint { path: self.path.clone(), line, message: message.into() }
    }

    /// One complaint for each line that is bad, given whether each is.
    pub fn complaints(&self, bad: impl Iterator<Item = bool>, message: &str) -> Vec<Complaint> {
        bad.enumerate().filter(|(_, bad)| *bad).map(|(at, _)| self.complaint(at + 1, message)).collect()
    }
}

/// What tools make: names that mean it anywhere, and places.
const MADE_ANYWHERE: &[&str] = &["target", ".git"];
const MADE: &[&str] = &["fuzz/corpus", "fuzz/artifacts"];

/// Every file that is text.
pub fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))? {
        let entry = entry.with_context(|| format!("list {}", dir.display()))?;
        let path = entry.path();
        let kind = entry.file_type().with_context(|| format!("look at {}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if MADE_ANYWHERE.iter().any(|made| entry.file_name() == *made) || MADE.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            collect(root, &path, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            files.extend(String::from_utf8(bytes).ok().map(|text| File { path: name, text }));
        }
    }
    Ok(())
}

/// What only one machine has. Homes are named by what tools keep in them: rules do speak of root's files.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/root/", ".cargo"),
    concat!("/root/", ".rustup"),
    concat!("..", "/shared"),
];

/// Files that look for the corpus beside the checkout.
const CORPUS_PROBES: &[&str] = &[".ci/run"];

pub fn check(files: &[File]) -> Vec<Complaint> {
    let mut found: Vec<Complaint> = files.iter().flat_map(names_no_machine).collect();
    found.extend(has_a_changelog(files));
    found
}

fn names_no_machine(file: &File) -> Vec<Complaint> {
    if CORPUS_PROBES.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let bad = |line: &str| MACHINE_PATHS.iter().any(|path| starts_a_path(line, path));
    file.complaints(file.text.lines().map(bad), "a path of one machine does not belong in the tree")
}

/// Whether the text holds a path that starts with these bytes, not one that has them in its middle.
fn starts_a_path(line: &str, path: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '}' | '/');
    line.match_indices(path).any(|(at, _)| !line[..at].chars().next_back().is_some_and(inner))
}

fn has_a_changelog(files: &[File]) -> Option<Complaint> {
    let Some(file) = files.iter().find(|file| file.path == "CHANGELOG.md") else {
        return Some(Complaint {
            path: "CHANGELOG.md".into(),
            line: 1,
            message: "there is no changelog".into(),
        });
    };
    let unreleased = |line: &str| line.starts_with("## ") && line.contains("Unreleased");
    (!file.text.lines().any(unreleased)).then(|| file.complaint(1, "no section `## Unreleased`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn paths_of_one_machine_are_found_and_look_alikes_are_not() {
        let home = MACHINE_PATHS[1];
        let text = format!(
            "cd {}\nok: /var/lib/overlay{}\nok: /root/.ssh\nrun \"{home}/bin\"\n",
            MACHINE_PATHS[0], MACHINE_PATHS[0]
        );
        let found: Vec<usize> = names_no_machine(&file("docs/a.md", &text)).iter().map(|c| c.line).collect();
        assert_eq!(found, [1, 4]);
        assert!(names_no_machine(&file(".ci/run", &text)).is_empty());
    }

    #[test]
    fn the_changelog_must_have_room_for_the_next_release() {
        assert!(has_a_changelog(&[file("CHANGELOG.md", "# Changes\n\n## [Unreleased]\n")]).is_none());
        assert!(has_a_changelog(&[file("CHANGELOG.md", "# Changes\n\n## 0.1.0\n")]).is_some());
        assert!(has_a_changelog(&[]).is_some());
    }

    #[test]
    fn what_tools_made_and_what_is_not_text_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [
            ("src/a.rs", &b"//! a"[..]),
            ("target/b.rs", b"b"),
            ("fuzz/corpus/d", b"d"),
            (".git", b"gitdir: e"),
            ("c.o", b"\xff\xfe"),
        ] {
            crate::sh::write_file(&dir.path().join(name), bytes).unwrap();
        }
        let paths: Vec<String> = read(dir.path()).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(paths, ["src/a.rs"]);
    }
}
