//! Transformers: values made from values. A cut value gives a cut or an unknown one, never one that looks whole.

use nightjar_events::Cut;

use super::{compare::as_text, read::Got};
use crate::{
    rule::lang::Transformer,
    value::{Text, Value},
};

/// Arguments are as the loader has checked them.
pub fn call<'e>(transformer: Transformer, args: &[&Got<'e>], option: Option<u8>) -> Got<'e> {
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        match arg {
            Got::Unknown => return Got::Unknown,
            Got::Known(Value::Absent) => return Got::Known(Value::Absent),
            Got::Known(value) => values.push(value),
        }
    }
    // Several answers are transformed one by one.
    if let [Value::Any(answers)] = values.as_slice() {
        let answers = answers
            .iter()
            .map(|answer| call(transformer, &[&Got::Known(answer.clone().into_owned())], option));
        let mut out = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer {
                Got::Known(value) => out.push(value),
                Got::Unknown => return Got::Unknown,
            }
        }
        return Got::Known(Value::any(out));
    }
    match (transformer, values.as_slice()) {
        (Transformer::Tolower, [value]) => each(value, |text| mapped(text, <[u8]>::to_ascii_lowercase)),
        (Transformer::Toupper, [value]) => each(value, |text| mapped(text, <[u8]>::to_ascii_uppercase)),
        (Transformer::Basename, [value]) => each(value, basename),
        (Transformer::B64, [value]) => each(value, b64),
        (Transformer::Text, [value]) => Got::Known(Value::Text(as_text(value).into_owned())),
        (Transformer::Len, [value]) => len(value),
        (Transformer::Join, [separator, list]) => join(separator, list),
        (Transformer::Concat, parts) => concat(parts),
        (Transformer::Getopt, [args, options]) => getopt(args, options, option),
        (_, _) => Got::Known(Value::Absent),
    }
}

/// What a text becomes.
enum Part {
    Text(Text<'static>),
    /// It cannot be transformed: as if it were missing.
    Absent,
    Unknown,
}

fn each<'e>(value: &Value<'_>, change: impl Fn(&Text<'_>) -> Part) -> Got<'e> {
    let Value::List(items) = value else {
        return match change(&as_text(value)) {
            Part::Text(text) => Got::Known(Value::Text(text)),
            Part::Absent => Got::Known(Value::Absent),
            Part::Unknown => Got::Unknown,
        };
    };
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match change(item) {
            Part::Text(text) => out.push(text),
            Part::Absent => return Got::Known(Value::Absent),
            Part::Unknown => return Got::Unknown,
        }
    }
    Got::Known(Value::List(out))
}

fn mapped(text: &Text<'_>, change: fn(&[u8]) -> Vec<u8>) -> Part {
    Part::Text(Text::cut(change(&text.bytes), text.cut))
}

/// What stands behind the last slash: empty for `/usr/bin/`.
fn basename(text: &Text<'_>) -> Part {
    let slash = text.bytes.iter().rposition(|&b| b == b'/');
    let name = text.bytes[slash.map_or(0, |at| at + 1)..].to_vec();
    match (text.cut, slash) {
        // Another slash may follow.
        (Cut::Back, _) => Part::Unknown,
        (Cut::Front, Some(_)) => Part::Text(Text::whole(name)),
        (cut @ (Cut::None | Cut::Front), _) => Part::Text(Text::cut(name, cut)),
    }
}

fn b64(text: &Text<'_>) -> Part {
    if text.cut == Cut::Front {
        return Part::Unknown;
    }
    let mut digits = &*text.bytes;
    if text.cut == Cut::Back {
        digits = &digits[..digits.len() / 4 * 4];
    } else {
        digits = digits.strip_suffix(b"==").or(digits.strip_suffix(b"=")).unwrap_or(digits);
    }
    let (mut out, mut bits, mut have) = (Vec::with_capacity(digits.len() / 4 * 3), 0u32, 0);
    for &digit in digits {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Part::Absent,
        };
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    // A single digit that is left over is no byte.
    if have == 6 { Part::Absent } else { Part::Text(Text::cut(out, text.cut)) }
}

fn len<'e>(value: &Value<'_>) -> Got<'e> {
    let (count, cut) = match value {
        Value::List(items) => (items.len(), items.last().map_or(Cut::None, |last| last.cut)),
        value => {
            let text = as_text(value);
            (text.bytes.len(), text.cut)
        }
    };
    if cut == Cut::None { Got::Known(Value::Uint(count as u64)) } else { Got::Unknown }
}

fn join<'e>(separator: &Value<'_>, list: &Value<'_>) -> Got<'e> {
    let separator = as_text(separator);
    let Value::List(items) = list else { return Got::Known(Value::Absent) };
    let mut parts = Vec::with_capacity(items.len() * 2);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            parts.push(separator.clone());
        }
        parts.push(item.clone());
    }
    glued(&parts)
}

fn concat<'e>(parts: &[&Value<'_>]) -> Got<'e> {
    let parts: Vec<_> = parts.iter().map(|part| as_text(part)).collect();
    glued(&parts)
}

/// Texts behind one another. A hole in the middle makes the whole unknown.
fn glued<'e>(parts: &[Text<'_>]) -> Got<'e> {
    let mut out = Vec::new();
    let mut cut = Cut::None;
    for (index, part) in parts.iter().enumerate() {
        cut = match (part.cut, cut) {
            (Cut::None, cut) => cut,
            (Cut::Front, Cut::None) if index == 0 => Cut::Front,
            (Cut::Back, Cut::None) if index + 1 == parts.len() => Cut::Back,
            (Cut::Front | Cut::Back, _) => return Got::Unknown,
        };
        out.extend_from_slice(&part.bytes);
    }
    Got::Known(Value::Text(Text::cut(out, cut)))
}

/// Short options as getopt(3) finds them, up to the first word that is none. Without `wanted`: each option and its
/// value as a list, `?` for one that is not in `options`. With it: that option's last value, or its name.
fn getopt<'e>(args: &Value<'_>, options: &Value<'_>, wanted: Option<u8>) -> Got<'e> {
    let Value::List(args) = args else { return Got::Known(Value::Absent) };
    let options = as_text(options);
    if options.cut != Cut::None || args.iter().any(|arg| arg.cut != Cut::None) {
        return Got::Unknown;
    }
    let known = |b: u8| options.bytes.iter().position(|&o| o == b && b != b':');
    let mut found: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let mut words = args.iter().map(|arg| &*arg.bytes);
    while let Some(word) = words.next() {
        let cluster = match word {
            b"--" | b"-" | b"" => break,
            [b'-', b'-', ..] => continue,
            [b'-', cluster @ ..] => cluster,
            [_, ..] => break,
        };
        let mut at = 0;
        while let Some(&option) = cluster.get(at) {
            at += 1;
            match known(option) {
                None => found.push((b"?".to_vec(), None)),
                Some(index) if options.bytes.get(index + 1) == Some(&b':') => {
                    let attached = Some(&cluster[at..]).filter(|rest| !rest.is_empty());
                    let value = attached.or_else(|| words.next()).map(<[u8]>::to_vec);
                    found.push((vec![option], Some(value.unwrap_or_default())));
                    break;
                }
                Some(_) => found.push((vec![option], None)),
            }
        }
    }
    match wanted {
        Some(wanted) => {
            match found.into_iter().rev().find(|(name, _)| *name == [wanted] && known(wanted).is_some()) {
                Some((name, value)) => Got::Known(Value::Text(Text::whole(value.unwrap_or(name)))),
                None => Got::Known(Value::Absent),
            }
        }
        None if found.is_empty() => Got::Known(Value::Absent),
        None => {
            let parts = found.into_iter().flat_map(|(name, value)| [Some(name), value]).flatten();
            Got::Known(Value::List(parts.map(Text::whole).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Got<'static> {
        Got::Known(Value::owned(text))
    }

    fn cut(text: &str, cut: Cut) -> Got<'static> {
        Got::Known(Value::Text(Text::cut(text.as_bytes().to_vec(), cut)))
    }

    fn list(words: &[&str]) -> Got<'static> {
        Got::Known(Value::List(words.iter().map(|word| Text::whole(word.as_bytes().to_vec())).collect()))
    }

    fn of(transformer: Transformer, args: &[Got<'static>]) -> Got<'static> {
        call(transformer, &args.iter().collect::<Vec<_>>(), None)
    }

    #[test]
    fn texts_become_what_their_transformer_says() {
        assert_eq!(of(Transformer::Toupper, &[text("aé")]), text("Aé"));
        assert_eq!(of(Transformer::Tolower, &[list(&["A", "b"])]), list(&["a", "b"]));
        assert_eq!(of(Transformer::Basename, &[text("/usr/bin/")]), text(""));
        assert_eq!(of(Transformer::Basename, &[text("/usr/bin/ls")]), text("ls"));
        assert_eq!(of(Transformer::B64, &[text("aGVsbG8=")]), text("hello"));
        assert_eq!(of(Transformer::B64, &[text("aGVsbG8")]), text("hello"));
        assert_eq!(of(Transformer::B64, &[text("a!")]), Got::Known(Value::Absent));
        assert_eq!(of(Transformer::Len, &[list(&["a", "b"])]), Got::Known(Value::Uint(2)));
        assert_eq!(of(Transformer::Join, &[text(", "), list(&["a", "b"])]), text("a, b"));
        assert_eq!(of(Transformer::Concat, &[text("a"), text("b"), text("c")]), text("abc"));
    }

    #[test]
    fn what_is_made_of_a_cut_value_says_so() {
        assert_eq!(of(Transformer::Toupper, &[cut("a", Cut::Back)]), cut("A", Cut::Back));
        assert_eq!(of(Transformer::Basename, &[cut("a/b", Cut::Front)]), text("b"));
        assert_eq!(of(Transformer::Basename, &[cut("b", Cut::Front)]), cut("b", Cut::Front));
        assert_eq!(of(Transformer::Basename, &[cut("a/b", Cut::Back)]), Got::Unknown);
        assert_eq!(of(Transformer::Len, &[cut("a", Cut::Back)]), Got::Unknown);
        assert_eq!(of(Transformer::Concat, &[text("a"), cut("b", Cut::Back)]), cut("ab", Cut::Back));
        assert_eq!(of(Transformer::Concat, &[cut("a", Cut::Back), text("b")]), Got::Unknown);
        assert_eq!(of(Transformer::B64, &[cut("aGVsbG8h", Cut::Back)]), cut("hello!", Cut::Back));
    }

    #[test]
    fn options_are_found_as_getopt_finds_them() {
        let args = list(&["-ntx", "--long", "-p", "80", "-z", "file", "-n"]);
        assert_eq!(
            of(Transformer::Getopt, &[args.clone(), text("nt:p:")]),
            list(&["n", "t", "x", "p", "80", "?"])
        );
        let one = |option| call(Transformer::Getopt, &[&args, &text("nt:p:")], Some(option));
        assert_eq!(one(b'p'), text("80"));
        assert_eq!(one(b'n'), text("n"));
        assert_eq!(one(b'z'), Got::Known(Value::Absent));
        assert_eq!(of(Transformer::Getopt, &[list(&["-p"]), text("p:")]), list(&["p", ""]));
    }
}
