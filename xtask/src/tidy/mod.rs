//! `cargo xtask tidy`: the house rules that neither rustc nor clippy can check.
//!
//! Each check is a function from text to complaints, so each has a test with a good and a bad example. What a lint
//! can say is left to the lint table in Cargo.toml and to clippy.toml.

mod lexer;
mod pages;
mod rules;
mod source;
mod tree;

use std::fmt;

use anyhow::{Result, bail};

use crate::{artifacts, docs, sh};

/// One broken rule, where it was broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

pub fn run(fix: bool) -> Result<()> {
    if fix {
        format(&[])?;
        docs::write(&artifacts::build()?.nightjar)?;
        return check();
    }
    check()?;
    docs::check(&artifacts::build()?.nightjar)
}

/// Runs rustfmt on all that is Rust: the kernel side and the fuzz targets are workspaces of their own.
pub fn format(options: &[&str]) -> Result<()> {
    let mut wrong = Vec::new();
    for dir in [".", "agent-ebpf", "fuzz"] {
        if sh::run(sh::cargo().current_dir(sh::root().join(dir)).args(["fmt", "--all"]).args(options))
            .is_err()
        {
            wrong.push(dir);
        }
    }
    if !wrong.is_empty() {
        bail!("rustfmt is not content with {}: `cargo xtask tidy --fix` formats", wrong.join(", "));
    }
    Ok(())
}

/// All that needs no build.
pub fn check() -> Result<()> {
    let files = tree::read(&sh::root())?;
    let mut complaints: Vec<Complaint> = files.iter().flat_map(source::check).collect();
    complaints.extend(tree::check(&files));
    complaints.extend(pages::check(&pages::declared(), &files));
    complaints.extend(rules::check(&files));
    complaints.sort();
    for complaint in &complaints {
        println!("{complaint}");
    }
    if !complaints.is_empty() {
        bail!("{} complaints about {} files", complaints.len(), files.len());
    }
    println!("{} files keep the house rules", files.len());
    Ok(())
}
