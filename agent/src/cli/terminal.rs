//! What is known of the other end of standard output, and writing to it.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::alert::human::Look;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    Always,
    Never,
}

/// Columns taken when a terminal does not say how wide it is.
const WIDTH_DEFAULT: usize = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub look: Look,
    /// Whether a person is reading.
    pub interactive: bool,
}

impl Terminal {
    pub fn of_stdout(color: Color) -> Self {
        let stdout = io::stdout();
        let interactive = stdout.is_terminal();
        let width = interactive.then(|| {
            let columns = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col));
            if columns == 0 { WIDTH_DEFAULT } else { columns }
        });
        Terminal {
            look: Look { color: color.wanted(interactive, |name| std::env::var(name).ok()), width },
            interactive,
        }
    }
}

impl Color {
    /// `env` is the environment, so that a test can have its own.
    pub fn wanted(self, terminal: bool, env: impl Fn(&str) -> Option<String>) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = env("NO_COLOR").is_some_and(|value| !value.is_empty());
                terminal && !refused && env("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

/// Writes a command's whole answer.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_that_were_not_told_otherwise() {
        let env = |set: &'static [(&'static str, &'static str)]| {
            move |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        assert!(Color::Auto.wanted(true, env(&[("TERM", "xterm")])));
        assert!(Color::Auto.wanted(true, env(&[("NO_COLOR", "")])));
        assert!(!Color::Auto.wanted(true, env(&[("NO_COLOR", "1")])));
        assert!(!Color::Auto.wanted(true, env(&[("TERM", "dumb")])));
        assert!(!Color::Auto.wanted(false, env(&[])));
        assert!(Color::Always.wanted(false, env(&[("NO_COLOR", "1")])));
        assert!(!Color::Never.wanted(true, env(&[])));
    }
}
