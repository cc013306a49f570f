//! The rules of this repository load, can fire, and pass the tests that they carry.

use std::path::{Path, PathBuf};

use nightjar_engine::rule::{Coverage, Source, load};

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            out.push(path);
        }
    }
}

/// `macros.yaml` first: a macro must stand above its use.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    paths.sort_by_key(|path| !path.ends_with("macros.yaml"));
    let read = |path: PathBuf| Source {
        name: path.strip_prefix(&root).unwrap().display().to_string(),
        text: std::fs::read_to_string(&path).unwrap(),
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn each_rule_loads_can_fire_and_passes_its_tests() {
    let loaded = load(&sources()).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>())
    });
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    let mut wrong = Vec::new();
    for rule in loaded.rules.rules() {
        if let coverage @ Coverage::CannotFire { .. } = loaded.rules.coverage(rule, &|_| true) {
            wrong.push(format!("{}: {coverage}", rule.name));
        }
        for expect in [true, false] {
            if !loaded.rules.tests().iter().any(|test| test.rule == rule.name && test.expect == expect) {
                wrong.push(format!("{}: no test that expects {expect}", rule.name));
            }
        }
    }
    for test in loaded.rules.tests() {
        let place = format!("{}:{} {}: {}", test.file, test.line, test.rule, test.name);
        match loaded.rules.try_test(test) {
            Ok(tried) if tried.passed => {}
            Ok(tried) => wrong
                .push(format!("{place}: expected match = {}, others are {:?}", test.expect, tried.others)),
            Err(error) => wrong.push(format!("{place}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
