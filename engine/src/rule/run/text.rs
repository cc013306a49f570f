//! Comparisons of texts, of which an end may be missing.
//!
//! Each answers `Undecided` exactly when some whole text that could have been cut to this one would answer otherwise.

use foldhash::HashSet;
use memchr::memmem::Finder;
use nightjar_events::Cut;
use regex::bytes::Regex;

use super::{
    pattern::{Glob, Prefixes},
    truth::Truth::{self, False, True, Undecided},
};

#[derive(Clone, Debug)]
pub enum TextTest {
    Eq(Vec<u8>),
    In(HashSet<Vec<u8>>),
    Contains(Box<Finder<'static>>),
    /// In lower case.
    Icontains(Vec<u8>),
    Startswith(Vec<u8>),
    Endswith(Vec<u8>),
    Glob(Glob),
    Regex(Regex),
    Pmatch(Prefixes),
}

impl TextTest {
    pub fn contains(needle: &[u8]) -> TextTest {
        TextTest::Contains(Box::new(Finder::new(needle).into_owned()))
    }

    pub fn test(&self, bytes: &[u8], cut: Cut) -> Truth {
        match self {
            TextTest::Eq(word) => equal(bytes, word, cut),
            TextTest::In(words) => match cut {
                Cut::None => words.contains(bytes).into(),
                Cut::Front | Cut::Back => {
                    words.iter().fold(False, |truth, word| truth.or(equal(bytes, word, cut)))
                }
            },
            TextTest::Contains(finder) => found(finder.find(bytes).is_some(), cut),
            TextTest::Icontains(needle) => found(contains_folded(bytes, needle), cut),
            TextTest::Startswith(word) => starts(bytes, word, cut),
            TextTest::Endswith(word) => ends(bytes, word, cut),
            TextTest::Glob(glob) => glob.test(bytes, cut),
            TextTest::Regex(regex) => match cut {
                Cut::None => regex.is_match(bytes).into(),
                Cut::Front | Cut::Back => Undecided,
            },
            TextTest::Pmatch(prefixes) => prefixes.test(bytes, cut),
        }
    }
}

pub fn equal(bytes: &[u8], word: &[u8], cut: Cut) -> Truth {
    let possible = match cut {
        Cut::None => return (bytes == word).into(),
        Cut::Back => word.starts_with(bytes),
        Cut::Front => word.ends_with(bytes),
    };
    if possible { Undecided } else { False }
}

fn found(found: bool, cut: Cut) -> Truth {
    match (found, cut) {
        (true, _) => True,
        (false, Cut::None) => False,
        (false, Cut::Front | Cut::Back) => Undecided,
    }
}

fn starts(bytes: &[u8], word: &[u8], cut: Cut) -> Truth {
    match cut {
        _ if word.is_empty() => True,
        Cut::None => bytes.starts_with(word).into(),
        Cut::Back if bytes.len() >= word.len() => bytes.starts_with(word).into(),
        Cut::Back if word.starts_with(bytes) => Undecided,
        Cut::Back => False,
        Cut::Front => Undecided,
    }
}

fn ends(bytes: &[u8], word: &[u8], cut: Cut) -> Truth {
    match cut {
        _ if word.is_empty() => True,
        Cut::None => bytes.ends_with(word).into(),
        Cut::Front if bytes.len() >= word.len() => bytes.ends_with(word).into(),
        Cut::Front if word.ends_with(bytes) => Undecided,
        Cut::Front => False,
        Cut::Back => Undecided,
    }
}

/// `needle` is in lower case.
pub fn contains_folded(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(&first) = needle.first() else { return true };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, bytes)
        .any(|at| bytes.get(at..at + needle.len()).is_some_and(|part| part.eq_ignore_ascii_case(needle)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn every(word: &str) -> Vec<TextTest> {
        let bytes = word.as_bytes();
        let mut tests = vec![
            TextTest::Eq(bytes.into()),
            TextTest::In([bytes.to_vec(), b"ba".to_vec()].into_iter().collect()),
            TextTest::contains(bytes),
            TextTest::Icontains(bytes.to_ascii_lowercase()),
            TextTest::Startswith(bytes.into()),
            TextTest::Endswith(bytes.into()),
            TextTest::Pmatch(Prefixes::new([bytes]).unwrap()),
        ];
        for pattern in [word.to_owned(), format!("{word}*"), format!("*{word}"), format!("a*{word}")] {
            tests.push(TextTest::Glob(Glob::new(pattern.as_bytes(), false).unwrap()));
        }
        tests.push(TextTest::Regex(super::super::pattern::full_regex(word).unwrap()));
        tests
    }

    #[test]
    fn a_truncated_value_never_equals() {
        let test = TextTest::Eq(b"/bin/sh".into());
        assert_eq!(test.test(b"/bin/sh", Cut::Back), Undecided);
        assert_eq!(test.test(b"/bin", Cut::Back), Undecided);
        assert_eq!(test.test(b"/usr", Cut::Back), False);
        assert_eq!(test.test(b"bin/sh", Cut::Front), Undecided);
        assert_eq!(test.test(b"bin/ls", Cut::Front), False);
    }

    #[test]
    fn what_is_kept_decides_where_it_can() {
        assert_eq!(TextTest::Startswith(b"/bin".into()).test(b"/bin/s", Cut::Back), True);
        assert_eq!(TextTest::Startswith(b"/bin".into()).test(b"/b", Cut::Back), Undecided);
        assert_eq!(TextTest::Startswith(b"/bin".into()).test(b"/u", Cut::Back), False);
        assert_eq!(TextTest::Endswith(b"sh".into()).test(b"/bin/sh", Cut::Back), Undecided);
        assert_eq!(TextTest::Endswith(b"sh".into()).test(b"bin/sh", Cut::Front), True);
        assert_eq!(TextTest::contains(b"in").test(b"/bin", Cut::Back), True);
        assert_eq!(TextTest::contains(b"xx").test(b"/bin", Cut::Back), Undecided);
    }

    proptest! {
        /// A decided answer about a cut text is the answer about every whole text it may have been.
        #[test]
        fn a_decision_on_a_cut_text_holds_for_the_whole(
            word in "[ab/]{0,4}", kept in "[abA/]{0,6}", lost in "[ab/]{1,4}"
        ) {
            for test in every(&word) {
                for (whole, cut) in [(format!("{kept}{lost}"), Cut::Back), (format!("{lost}{kept}"), Cut::Front)] {
                    let truth = test.test(kept.as_bytes(), cut);
                    let whole_truth = test.test(whole.as_bytes(), Cut::None);
                    prop_assert!(truth == Undecided || truth == whole_truth, "{test:?} {kept:?} {whole:?}");
                    prop_assert_ne!(whole_truth, Undecided);
                }
            }
        }
    }
}
