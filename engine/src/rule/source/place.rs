//! Where things stand in rule files. A condition is put together from several places (folded YAML lines, appended
//! parts, list items), so its text carries the place of each of its parts.

/// A stretch of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    /// Index into the sources.
    pub file: u32,
    pub start: u32,
    pub end: u32,
}

/// A place that takes no part in comparing trees: two checks are the same wherever they were written.
#[derive(Clone, Copy, Debug, Default)]
pub struct At(pub Place);

impl PartialEq for At {
    fn eq(&self, _: &At) -> bool {
        true
    }
}

impl Eq for At {}

impl std::hash::Hash for At {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// Text that knows where it comes from.
#[derive(Clone, Debug, Default)]
pub struct Text {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    /// Offset in the text.
    at: usize,
    from: Place,
    /// Byte for byte the same as the file from `from.start` on; otherwise all of it stands for `from`.
    verbatim: bool,
}

impl Text {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Adds what stands at `from` in just these bytes.
    pub fn push_verbatim(&mut self, text: &str, from: Place) {
        self.push(text, from, true);
    }

    /// Adds what was made from `from`.
    pub fn push_for(&mut self, text: &str, from: Place) {
        self.push(text, from, false);
    }

    fn push(&mut self, text: &str, from: Place, verbatim: bool) {
        if text.is_empty() {
            return;
        }
        self.parts.push(Part { at: self.text.len(), from, verbatim });
        self.text.push_str(text);
    }

    pub fn push_text(&mut self, other: &Text) {
        let base = self.text.len();
        self.parts.extend(other.parts.iter().map(|part| Part { at: base + part.at, ..*part }));
        self.text.push_str(&other.text);
    }

    /// The same text from `range` alone, with its places.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Text {
        let mut out = Text { text: self.text[range.clone()].to_owned(), parts: Vec::new() };
        for (index, part) in self.parts.iter().enumerate() {
            let end = self.parts.get(index + 1).map_or(self.text.len(), |next| next.at);
            let (start, end) = (part.at.max(range.start), end.min(range.end));
            if start < end {
                let mut from = part.from;
                if part.verbatim {
                    from.start += (start - part.at) as u32;
                }
                out.parts.push(Part { at: start - range.start, from, verbatim: part.verbatim });
            }
        }
        out
    }

    /// Where `range` of the text was written. Its end is that of the last part when it spans several of one file.
    pub fn place(&self, range: std::ops::Range<usize>) -> Place {
        let Some(start) = self.point(range.start, false) else { return Place::default() };
        let last = if range.end > range.start { self.point(range.end - 1, true) } else { None };
        match last {
            Some(last) if last.file == start.file && last.end >= start.start => {
                Place { end: last.end, ..start }
            }
            _ => start,
        }
    }

    fn point(&self, offset: usize, at_end: bool) -> Option<Place> {
        let index = self.parts.partition_point(|part| part.at <= offset).checked_sub(1)?;
        let part = self.parts[index];
        if !part.verbatim {
            return Some(part.from);
        }
        // Behind the last byte of the text: the place where more was expected.
        let inside = (offset - part.at) as u32;
        let start = part.from.start + inside;
        Some(Place { start, end: start + u32::from(at_end || offset < self.text.len()), ..part.from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: u32, end: u32) -> Place {
        Place { file: 0, start, end }
    }

    #[test]
    fn each_part_is_found_where_it_was_written() {
        let mut text = Text::default();
        text.push_verbatim("a in (", at(10, 16));
        text.push_for("x, y", at(16, 19));
        text.push_verbatim(")", at(19, 20));
        assert_eq!(text.place(2..4), at(12, 14));
        assert_eq!(text.place(9..10), at(16, 19), "an item stands for the whole list name");
        assert_eq!(text.place(10..11), at(19, 20));
        let cut = text.slice(5..11);
        assert_eq!(cut.as_str(), "(x, y)");
        assert_eq!(cut.place(0..1), at(15, 16));
    }
}
