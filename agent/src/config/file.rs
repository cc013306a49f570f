//! Reads the configuration file: YAML with the flags' names as keys. An unknown key is refused, since a setting that
//! is silently ignored is worse than an agent that does not start.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use serde_saphyr::{Error, Location};

use super::raw::Raw;

/// Longest configuration file that is read, in bytes.
pub const CONFIG_MAX: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("read configuration {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("configuration {path} is longer than {CONFIG_MAX} bytes")]
    TooLong { path: PathBuf },
    /// The place, the problem and perhaps a guess; the parser's own error would say it again in other words.
    #[error("{0}")]
    Wrong(Wrong),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    pub file: String,
    /// Line and column, counted from 1.
    pub at: Option<(u64, u64)>,
    pub problem: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl Raw {
    pub fn read(path: &Path) -> Result<Raw, FileError> {
        let read = |source| FileError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(read)?.len() > CONFIG_MAX {
            return Err(FileError::TooLong { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        Raw::parse(&path.display().to_string(), &text).map_err(FileError::Wrong)
    }

    pub fn parse(file: &str, text: &str) -> Result<Raw, Wrong> {
        let only_comments =
            text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if only_comments {
            return Ok(Raw::default());
        }
        serde_saphyr::from_str(text).map_err(|error| {
            let error = error.without_snippet();
            let place = |at: Location| (at.line() > 0).then(|| (at.line(), at.column()));
            Wrong { file: file.to_owned(), at: error.location().and_then(place), problem: problem(error) }
        })
    }
}

fn problem(error: &Error) -> String {
    let (what, word, expected, all) = match error {
        Error::SerdeUnknownField { field, expected, .. } => ("key", field, expected, "keys"),
        Error::SerdeUnknownVariant { variant, expected, .. } => ("value", variant, expected, "values"),
        _ => return error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    let near =
        |name: &&&str| strsim::damerau_levenshtein(&word.replace('-', "_"), name) <= 2 + word.len() / 5;
    let nearest = expected.iter().filter(near).min_by_key(|name| strsim::damerau_levenshtein(word, name));
    match nearest {
        Some(name) => format!("unknown {what} `{word}`: did you mean `{name}`?"),
        None => format!("unknown {what} `{word}`: the {all} are {}", expected.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_the_flags_set() {
        let raw = Raw::parse(
            "c.yaml",
            "rules: [/etc/nightjar/rules]\nring_size: 32MiB\nscope: containers\nmin_priority: Notice\n",
        )
        .unwrap();
        assert_eq!(raw.rules, [PathBuf::from("/etc/nightjar/rules")]);
        assert_eq!(raw.ring_size.unwrap().0, 32 << 20);
        assert_eq!(raw.scope, ["containers"]);
        let several = Raw::parse("c.yaml", "scope: [pod=shop/*, cgroup=/system.slice]\n").unwrap();
        assert_eq!(several.scope, ["pod=shop/*", "cgroup=/system.slice"]);
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        assert_eq!(Raw::parse("c.yaml", "# nothing yet\n\n"), Ok(Raw::default()));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_a_guess() {
        let wrong = Raw::parse("c.yaml", "scope: all\nring-sise: 1MiB\n").unwrap_err();
        assert_eq!(wrong.to_string(), "c.yaml:2:1: unknown key `ring-sise`: did you mean `ring_size`?");
        let wrong = Raw::parse("c.yaml", "webhook: x\n").unwrap_err();
        assert!(
            wrong.to_string().starts_with("c.yaml:1:1: unknown key `webhook`: the keys are rules, disable,"),
            "{wrong}"
        );
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_place() {
        let wrong = Raw::parse("c.yaml", "scope: all\nring_size: huge\n").unwrap_err();
        assert_eq!(wrong.at, Some((2, 12)), "{wrong}");
        assert!(wrong.problem.contains("`huge` is not a size"), "{wrong}");
        let wrong = Raw::parse("c.yaml", "matching: everything\n").unwrap_err();
        assert!(wrong.problem.contains("everything"), "{wrong}");
        assert_eq!(wrong.at.map(|(line, _)| line), Some(1));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Raw::read(Path::new("/nonexistent/nightjar.yaml")).unwrap_err();
        assert_eq!(error.to_string(), "read configuration /nonexistent/nightjar.yaml");
    }
}
