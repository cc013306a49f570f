//! Where rules come from: files and folders, or what was built into the binary.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nightjar_engine::rule::{self, Diagnostic, Loaded, RuleSet, Severity, Source};

use super::Config;

/// Longest rule file that is read, in bytes. Falco's largest official file has some 70 thousand.
pub const RULE_FILE_MAX: u64 = 8 << 20;
/// Most rule files that are read.
pub const RULE_FILES_MAX: usize = 4096;
/// How deep folders are searched.
const DEPTH_MAX: usize = 16;

/// Path and text of every file under rules/ when this was compiled.
pub static BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/built_in_rules.rs"));

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("read rules {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("rule file {path} is longer than {RULE_FILE_MAX} bytes")]
    TooLong { path: PathBuf },
    #[error("more than {RULE_FILES_MAX} rule files")]
    TooMany,
    #[error("folders are nested deeper than {DEPTH_MAX} at {path}")]
    TooDeep { path: PathBuf },
    #[error("no file that ends in .yaml or .yml under {path}")]
    Empty { path: PathBuf },
}

/// Why the rules of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the rules cannot be used: {}", errors(.0))]
    Wrong(Vec<Diagnostic>),
    #[error("{0}")]
    Selection(String),
}

fn errors(diagnostics: &[Diagnostic]) -> String {
    match diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    }
}

/// The rules that a configuration asks for, switched on and off as it says, and what is perhaps wrong with them.
pub fn configured(config: &Config) -> Result<(RuleSet, Vec<Diagnostic>), RulesError> {
    let sources = with_exceptions(of(&config.rules)?, &config.exceptions)?;
    let Loaded { mut rules, warnings } = rule::load(&sources).map_err(RulesError::Wrong)?;
    rules.select(&config.selections).map_err(RulesError::Selection)?;
    rules.set_min_priority(config.min_priority);
    Ok((rules, warnings))
}

/// The rules of these paths, or those that are built in where none is given.
pub fn of(paths: &[PathBuf]) -> Result<Vec<Source>, SourceError> {
    if paths.is_empty() { Ok(built_in()) } else { read(paths) }
}

/// Rules, and exceptions behind them: those may use what the rules define.
pub fn with_exceptions(mut rules: Vec<Source>, paths: &[PathBuf]) -> Result<Vec<Source>, SourceError> {
    rules.extend(read(paths)?);
    Ok(rules)
}

pub fn built_in() -> Vec<Source> {
    BUILT_IN
        .iter()
        .map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() })
        .collect()
}

/// The files in the order given, those of a folder by name. A folder without any is a mistake: an agent that watches
/// by no rules looks just like one to which nothing happens.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, SourceError> {
    let mut sources = Vec::new();
    for path in paths {
        let before = sources.len();
        collect(path, 0, &mut sources)?;
        if sources.len() == before {
            return Err(SourceError::Empty { path: path.clone() });
        }
    }
    Ok(sources)
}

fn collect(path: &Path, depth: usize, sources: &mut Vec<Source>) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: path.to_owned(), source };
    let meta = fs::metadata(path).map_err(failed)?;
    if meta.is_dir() {
        if depth > DEPTH_MAX {
            return Err(SourceError::TooDeep { path: path.to_owned() });
        }
        let entries = fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let mut inside: Vec<_> =
            entries.iter().map(fs::DirEntry::path).filter(|path| is_wanted(path)).collect();
        inside.sort();
        return inside.iter().try_for_each(|path| collect(path, depth + 1, sources));
    }
    if meta.len() > RULE_FILE_MAX {
        return Err(SourceError::TooLong { path: path.to_owned() });
    }
    if sources.len() == RULE_FILES_MAX {
        return Err(SourceError::TooMany);
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    sources.push(Source { name: path.display().to_string(), text });
    Ok(())
}

/// In a folder: rule files and folders, but nothing hidden. A mounted ConfigMap keeps its data twice, once under names
/// that begin with two dots.
fn is_wanted(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    !hidden && (yaml || path.is_dir())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_gives_its_files_by_name_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("sub")).unwrap();
        for name in ["b.yaml", "a.yml", "sub/c.yaml", "README.md", ".hidden.yaml"] {
            fs::write(at(name), name).unwrap();
        }
        let sources = read(&[dir.path().to_owned()]).unwrap();
        let texts: Vec<_> = sources.iter().map(|source| source.text.as_str()).collect();
        assert_eq!(texts, ["a.yml", "b.yaml", "sub/c.yaml"]);
    }

    #[test]
    fn a_mounted_config_map_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("..2026")).unwrap();
        fs::write(dir.path().join("..2026/rules.yaml"), "x").unwrap();
        symlink("..2026", dir.path().join("..data")).unwrap();
        symlink("..data/rules.yaml", dir.path().join("rules.yaml")).unwrap();
        assert_eq!(read(&[dir.path().to_owned()]).unwrap().len(), 1);
    }

    #[test]
    fn a_folder_without_rules_and_a_path_that_is_not_there_are_mistakes() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(&[dir.path().to_owned()]), Err(SourceError::Empty { .. })));
        assert!(matches!(read(&[dir.path().join("no")]), Err(SourceError::Read { .. })));
    }

    #[test]
    fn folders_that_lead_back_to_themselves_end() {
        let dir = tempfile::tempdir().unwrap();
        symlink(".", dir.path().join("loop")).unwrap();
        assert!(matches!(read(&[dir.path().to_owned()]), Err(SourceError::TooDeep { .. })));
    }

    #[test]
    fn the_binary_carries_the_rules_of_the_tree() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
        let mut sources = Vec::new();
        if tree.is_dir() {
            collect(&tree, 0, &mut sources).unwrap();
        }
        let texts: Vec<_> = sources.into_iter().map(|source| source.text).collect();
        let carried: Vec<_> = BUILT_IN.iter().map(|(_, text)| *text).collect();
        assert_eq!(carried, texts);
    }
}
