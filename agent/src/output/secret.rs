//! Passwords and tokens. The configuration only says where one is; it is read when it is needed, so that a new one is
//! taken up without a restart, and it is never printed.

use std::{env, fs, io, path::PathBuf};

use serde::Deserialize;

/// Longest secret, in bytes.
const SECRET_MAX: u64 = 64 << 10;

/// Either member, not both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secret {
    pub file: Option<PathBuf>,
    /// Name of a variable of the environment.
    pub env: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("a secret is either in a `file` or in a variable `env`")]
    Where,
    #[error("read secret {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("secret {path} is empty or longer than {SECRET_MAX} bytes")]
    Length { path: PathBuf },
    #[error("the environment has no variable {0}, which is to hold a secret")]
    Unset(String),
}

impl Secret {
    /// Without the line end that editors leave.
    pub fn read(&self) -> Result<String, SecretError> {
        match (&self.file, &self.env) {
            (Some(path), None) => {
                let failed = |source| SecretError::Read { path: path.clone(), source };
                let length = fs::metadata(path).map_err(failed)?.len();
                let text = if length <= SECRET_MAX {
                    fs::read_to_string(path).map_err(failed)?
                } else {
                    String::new()
                };
                let secret = text.trim_end_matches(['\r', '\n']);
                if secret.is_empty() {
                    return Err(SecretError::Length { path: path.clone() });
                }
                Ok(secret.to_owned())
            }
            (None, Some(name)) => {
                let value = env::var(name).ok().filter(|value| !value.is_empty());
                value.ok_or_else(|| SecretError::Unset(name.clone()))
            }
            (None, None) | (Some(_), Some(_)) => Err(SecretError::Where),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_anew_each_time_and_has_no_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let secret = Secret { file: Some(file.clone()), env: None };
        assert!(matches!(secret.read(), Err(SecretError::Read { .. })));
        for token in ["first", "second"] {
            fs::write(&file, format!("{token}\n")).unwrap();
            assert_eq!(secret.read().unwrap(), token);
        }
        assert!(!format!("{secret:?}").contains("second"));
        fs::write(&file, "\n").unwrap();
        assert!(matches!(secret.read(), Err(SecretError::Length { .. })));
        assert!(matches!(Secret::default().read(), Err(SecretError::Where)));
        let unset = Secret { file: None, env: Some("NIGHTJAR_NO_SUCH_VARIABLE".into()) };
        assert!(matches!(unset.read(), Err(SecretError::Unset(_))));
    }
}
