//! SigmaHQ's Linux rules load unchanged. They are not part of this repository: `NIGHTJAR_CORPUS` names their folder.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use nightjar_engine::rule::{Coverage, Language, Loaded, Source, load};

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push(path);
        }
    }
}

fn loaded() -> Option<Loaded> {
    let Some(folder) = std::env::var_os("NIGHTJAR_CORPUS") else {
        eprintln!("NOT RUN: set NIGHTJAR_CORPUS to a folder with sigma/");
        return None;
    };
    let mut paths = Vec::new();
    files(&Path::new(&folder).join("sigma"), &mut paths);
    paths.sort();
    let read = |path: PathBuf| Source {
        text: std::fs::read_to_string(&path).unwrap(),
        name: path.display().to_string(),
    };
    let sources: Vec<_> = paths.into_iter().map(read).collect();
    Some(load(&sources).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>())
    }))
}

#[test]
fn every_rule_for_linux_loads_and_says_whether_it_can_fire() {
    let Some(Loaded { rules, warnings }) = loaded() else { return };
    for warning in &warnings {
        println!("{warning}");
    }
    assert_eq!(rules.rules().count(), 248);
    assert!(rules.rules().all(|rule| rule.language == Language::Sigma && rule.id.is_some()));
    let mut counts = BTreeMap::new();
    for rule in rules.rules() {
        let coverage = rules.coverage(rule, &|_| true);
        println!("{:80} {coverage}", rule.name);
        let row = match coverage {
            Coverage::Full => "wholly",
            Coverage::Partial { .. } => "in part",
            Coverage::CannotFire { needs } if needs.iter().any(|need| need.starts_with("log")) => "log files",
            Coverage::CannotFire { needs } => {
                assert!(!needs.is_empty(), "{}", rule.name);
                "never"
            }
        };
        *counts.entry(row).or_insert(0) += 1;
    }
    println!("{counts:?}");
    assert_eq!(counts["log files"], 27);
    assert_eq!(counts["wholly"] + counts["in part"] + counts["never"], 221);
}
