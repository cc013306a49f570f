//! Breaks a row to the width of a terminal. Knows columns, not bytes; expects text that `escape` has made safe.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Narrower than this, wrapping does more harm than good.
const TEXT_MIN: usize = 20;

/// Breaks at blanks where it can and anywhere where it must. Lines after the first begin with `indent` blanks; the
/// first is taken to begin in that column already.
pub fn wrap(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(room) = width.map(|width| width.saturating_sub(indent).max(TEXT_MIN)) else {
        return text.to_owned();
    };
    let mut lines = vec![String::new()];
    let mut column = 0;
    for word in text.split_inclusive(' ') {
        let long = word.trim_end_matches(' ').width();
        if column > 0 && column + long > room {
            lines.push(String::new());
            column = 0;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if column + wide > room && c != ' ' {
                lines.push(String::new());
                column = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
                column += wide;
            }
        }
    }
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join(&format!("\n{:indent$}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_breaks_at_blanks_and_a_long_word_where_it_must() {
        assert_eq!(wrap("one two three four five six", Some(24), 4), "one two three four\n    five six");
        assert_eq!(wrap(&"x".repeat(45), Some(24), 4), format!("{0}\n    {0}\n    xxxxx", "x".repeat(20)));
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(wrap(&"日".repeat(11), Some(24), 4), format!("{}\n    日", "日".repeat(10)));
    }

    #[test]
    fn without_a_width_nothing_breaks() {
        assert_eq!(wrap(&"a ".repeat(200), None, 4), "a ".repeat(200));
    }

    #[test]
    fn a_tiny_terminal_still_gets_some_text_per_line() {
        assert_eq!(wrap("aaaa bbbb cccc dddd eeee", Some(3), 10), "aaaa bbbb cccc dddd\n          eeee");
    }
}
