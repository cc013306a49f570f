//! The text of an alert, with `%field`, `%field[arg]` and `%toupper(field)` in it; `%%` is a percent sign.

use super::{Operand, parse, scan::Scan};
use crate::rule::source::{Complaint, Place, Text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// What to show, and how it was written without its percent sign.
    Value {
        operand: Operand,
        written: String,
        place: Place,
    },
}

/// Reads a template; all that is wrong with it.
pub fn parse(text: &Text) -> Result<Vec<Piece>, Vec<Complaint>> {
    // Falco's mark for "print also with values missing", which is what we do anyway.
    let from = usize::from(text.as_str().starts_with('*'));
    let mut scan = Scan::new(text);
    scan.pos = from;
    let (mut pieces, mut errors, mut plain) = (Vec::new(), Vec::new(), String::new());
    while !scan.done() {
        let rest = scan.rest();
        let len = rest.find('%').unwrap_or(rest.len());
        plain.push_str(&rest[..len]);
        let start = scan.pos + len;
        scan.pos = (start + 1).min(text.as_str().len());
        if len == rest.len() {
            break;
        }
        if scan.take("%") {
            plain.push('%');
            continue;
        }
        let mut inner = Scan::new(text);
        inner.pos = scan.pos;
        let (found, pos) = parse::operand(inner);
        let place = text.place(start..pos.max(start + 1));
        match found {
            Ok(Some(operand)) => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Value {
                    written: text.as_str()[start + 1..pos].to_owned(),
                    operand,
                    place,
                });
            }
            Ok(None) => {
                let complaint = Complaint::new(place, "expected a field behind `%`");
                errors.push(complaint.help("write `%%` for a percent sign"));
            }
            Err(complaint) => errors.push(complaint),
        }
        scan.pos = pos;
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    if errors.is_empty() { Ok(pieces) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(template: &str) -> Vec<String> {
        let mut text = Text::default();
        text.push_verbatim(template, Place { file: 0, start: 0, end: template.len() as u32 });
        let pieces = parse(&text).unwrap();
        let shown = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => format!("'{text}'"),
            Piece::Value { written, operand, .. } => format!("{written} is {operand}"),
        });
        shown.collect()
    }

    #[test]
    fn a_template_is_split_at_its_fields() {
        assert_eq!(
            written("*at %proc.name. 5%% of %proc.aname[2]|%toupper(fd.name)"),
            [
                "'at '",
                "proc.name is proc.name",
                "'. 5% of '",
                "proc.aname[2] is proc.aname[2]",
                "'|'",
                "toupper(fd.name) is toupper(fd.name)",
            ]
        );
    }

    #[test]
    fn a_lone_percent_sign_is_an_error() {
        for template in ["100 %", "%,", "%(", "%proc"] {
            let mut text = Text::default();
            text.push_verbatim(template, Place { file: 0, start: 0, end: template.len() as u32 });
            assert!(parse(&text).is_err(), "{template}");
        }
    }
}
