//! A process's argument vector as one line: joined for machines, quoted and shortened for people.

use std::borrow::Cow;

use nightjar_engine::Process;

use super::escape::{lossless, terminal};

/// Most arguments that a person is shown.
pub const ARGS_SHOWN_MAX: usize = 24;
/// Most characters of one argument that a person is shown.
pub const ARG_SHOWN_MAX: usize = 200;

/// The arguments with blanks between, as `/proc/PID/cmdline` is commonly printed; a thread without any has its name.
pub fn joined(process: &Process) -> String {
    if process.args.is_empty() {
        return lossless(&process.comm).into_owned();
    }
    let args: Vec<_> = process.args.iter().map(|arg| lossless(arg)).collect();
    args.join(" ")
}

/// The arguments so that each can be told from the next, safe for a terminal, with a note on what was left out.
pub fn shown(process: &Process) -> String {
    if process.args.is_empty() {
        return shorten(&terminal(&lossless(&process.comm)), ARG_SHOWN_MAX).into_owned();
    }
    let shown = process.args.iter().take(ARGS_SHOWN_MAX);
    let mut line = shown
        .map(|arg| quote(&shorten(&terminal(&lossless(arg)), ARG_SHOWN_MAX)).into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    let rest = process.args.len().saturating_sub(ARGS_SHOWN_MAX);
    match (rest, process.args_cut) {
        (0, false) => {}
        (0, true) => line.push_str(" … (longer than the agent keeps)"),
        (rest, false) => line.push_str(&format!(" … ({rest} more arguments)")),
        (rest, true) => line.push_str(&format!(" … ({rest} more arguments, and more than the agent keeps)")),
    }
    line
}

/// As a shell would want it typed, so that `sh -c "a b"` and `sh -c a b` look different.
fn quote(arg: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=,@%+\\…".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        return Cow::Borrowed(arg);
    }
    // Easier to read than quotes that are left and entered again; the shell leaves these characters alone.
    if arg.contains('\'') && !arg.contains(['"', '$', '`', '\\', '!']) {
        return Cow::Owned(format!("\"{arg}\""));
    }
    Cow::Owned(format!("'{}'", arg.replace('\'', "'\\''")))
}

/// At most `max` characters; an ellipsis stands for the rest.
pub fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample::process, *};

    #[test]
    fn one_argument_of_two_words_does_not_look_like_two() {
        assert_eq!(shown(&process(1, "sh", &["sh", "-c", "a b", ""], None)), "sh -c 'a b' ''");
        assert_eq!(shown(&process(1, "sh", &["sh", "-c", "a 'b'"], None)), "sh -c \"a 'b'\"");
        assert_eq!(shown(&process(1, "sh", &["sh", "-c", "$a 'b'"], None)), r"sh -c '$a '\''b'\'''");
    }

    #[test]
    fn ten_thousand_arguments_are_shortened_and_counted() {
        let mut args = vec!["printf"];
        args.resize(10_000, "x");
        let mut process = process(1, "printf", &args, None);
        assert_eq!(shown(&process), format!("printf{} … (9976 more arguments)", " x".repeat(23)));
        process.args_cut = true;
        assert!(shown(&process).ends_with("(9976 more arguments, and more than the agent keeps)"));
        assert_eq!(joined(&process).len(), "printf".len() + 9_999 * 2);
    }

    #[test]
    fn a_kernel_thread_has_only_a_name() {
        assert_eq!(joined(&process(2, "kthreadd", &[], None)), "kthreadd");
        assert_eq!(shown(&process(2, "kthreadd", &[], None)), "kthreadd");
    }

    #[test]
    fn a_long_argument_ends_in_an_ellipsis() {
        assert_eq!(shown(&process(1, "sh", &[&"a".repeat(300)], None)), format!("{}…", "a".repeat(200)));
    }
}
