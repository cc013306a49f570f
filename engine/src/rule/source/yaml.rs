//! YAML as a tree that knows where each node stands. It keeps duplicate keys and does not guess types: a scalar is
//! text until someone asks for more.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{
    diagnostic::Complaint,
    place::{Place, Text},
};

/// Most nodes of one file, aliases written out; above that it is not a rule file but an attack on memory.
pub const NODES_MAX: usize = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Scalar {
        value: String,
        /// Written in quotes or as a block: a text, whatever it looks like.
        text: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    pub fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { value, .. } => Some(value),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// Nothing was written: `key:`, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar { value, text: false } => {
                matches!(value.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Content::Scalar { text: true, .. } | Content::Sequence(_) | Content::Mapping(_) => false,
        }
    }

    /// "a text", for messages.
    pub fn noun(&self) -> &'static str {
        match &self.content {
            _ if self.is_null() => "nothing",
            Content::Scalar { .. } => "a single value",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    /// The value of a scalar with the place of each of its characters. `source` is the file it was read from.
    pub fn text(&self, source: &str) -> Text {
        let mut text = Text::default();
        let Some(value) = self.scalar() else { return text };
        let mut cursor = self.place.start as usize;
        let end = (self.place.end as usize).min(source.len());
        let block = matches!(source.as_bytes().get(cursor), Some(b'>' | b'|'));
        if block && let Some(header) = source[cursor..end].find('\n') {
            cursor += header + 1;
        }
        let mut from = 0;
        while from < value.len() {
            let word = value[from..].find(char::is_whitespace).map_or(value.len(), |at| from + at.max(1));
            let piece = &value[from..word];
            let place = |start: usize, len: usize| Place {
                start: start.min(end) as u32,
                end: (start + len).min(end) as u32,
                ..self.place
            };
            if piece.trim().is_empty() {
                text.push_for(piece, place(cursor, 0));
            } else if let Some(at) = next(&source[cursor..end], piece) {
                text.push_verbatim(piece, place(cursor + at, piece.len()));
                cursor += at + piece.len();
            } else {
                // An escape of a quoted scalar: known to the word, not to the character.
                let word = source[cursor..end].trim_start();
                cursor = end - word.len();
                let len = word.find(char::is_whitespace).unwrap_or(word.len());
                text.push_for(piece, place(cursor, len));
                cursor += len;
            }
            from = word;
        }
        text
    }
}

/// Where `piece` stands when it is the next word, a quote before it aside.
fn next(source: &str, piece: &str) -> Option<usize> {
    let at = source.find(piece)?;
    matches!(source[..at].trim(), "" | "\"" | "'").then_some(at)
}

/// The root nodes of a file's documents.
pub fn parse(file: u32, source: &str) -> Result<Vec<Node>, Complaint> {
    let options = granit_parser::options! { emit_comments: false };
    let parser = Parser::new_from_str_with_options(source, options);
    let mut builder =
        Builder { file, source, stack: Vec::new(), roots: Vec::new(), anchors: HashMap::new(), nodes: 0 };
    for event in parser {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let start = error.marker().byte_offset().unwrap_or(source.len());
                return Err(Complaint::new(
                    builder.place(start, start + 1),
                    format!("not YAML: {}", error.info()),
                ));
            }
        }
    }
    Ok(builder.roots)
}

struct Builder<'s> {
    file: u32,
    source: &'s str,
    stack: Vec<Open>,
    roots: Vec<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A sequence or mapping whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    mapping: bool,
    children: Vec<Node>,
}

impl Builder<'_> {
    fn place(&self, start: usize, end: usize) -> Place {
        Place { file: self.file, start: start as u32, end: end as u32 }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Complaint> {
        let range = span.byte_range().unwrap_or(0..0);
        match event {
            Event::Scalar(value, style, anchor, _tag) => {
                // The span of a block scalar ends with the blank lines behind it.
                let end = range.start + self.source[range.clone()].trim_end().len();
                let content =
                    Content::Scalar { value: value.into_owned(), text: style != ScalarStyle::Plain };
                let node = Node { place: self.place(range.start, end), content };
                self.add(node, anchor)
            }
            Event::SequenceStart(_style, anchor, _tag) => {
                self.stack.push(Open { start: range.start, anchor, mapping: false, children: Vec::new() });
                Ok(())
            }
            Event::MappingStart(_style, anchor, _tag) => {
                self.stack.push(Open { start: range.start, anchor, mapping: true, children: Vec::new() });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.stack.pop() else { return Ok(()) };
                let end = open.start + self.source[open.start..range.end.max(open.start)].trim_end().len();
                let content = if open.mapping {
                    let mut pairs = Vec::with_capacity(open.children.len() / 2);
                    let mut children = open.children.into_iter();
                    while let (Some(key), Some(value)) = (children.next(), children.next()) {
                        pairs.push((key, value));
                    }
                    Content::Mapping(pairs)
                } else {
                    Content::Sequence(open.children)
                };
                self.add(Node { place: self.place(open.start, end), content }, open.anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => self.add(node.clone(), 0),
                None => Err(Complaint::new(
                    self.place(range.start, range.end),
                    "alias of a node that contains it",
                )),
            },
            _ => Ok(()),
        }
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Complaint> {
        self.nodes += size(&node);
        if self.nodes > NODES_MAX {
            return Err(Complaint::new(node.place, format!("more than {NODES_MAX} YAML nodes in one file")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            Some(open) => open.children.push(node),
            None => self.roots.push(node),
        }
        Ok(())
    }
}

/// Nodes that adding `node` adds. The children of what was just closed are counted already; counting them again
/// bounds the work by depth times size.
fn size(node: &Node) -> usize {
    match &node.content {
        Content::Scalar { .. } => 1,
        Content::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Mapping(pairs) => {
            1 + pairs.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'n>(node: &'n Node, key: &str) -> &'n Node {
        let Content::Mapping(pairs) = &node.content else { panic!("no mapping: {node:?}") };
        &pairs.iter().find(|(name, _)| name.scalar() == Some(key)).unwrap().1
    }

    /// For each style: where the word `mark` of the value is found in the file.
    #[test]
    fn a_word_is_found_in_its_line_whatever_the_style() {
        for (source, at) in [
            ("k: one mark two\n", 7),
            ("k: >\n  one\n  mark two\n", 13),
            ("k: >-\n   (one\n     mark)\n\n\nz: 1\n", 19),
            ("k: |\n  one\n  mark\n", 13),
            ("k: one\n   mark two\n", 10),
            ("k: 'it''s mark'\n", 10),
            ("k: \"a\\tb mark\"\n", 9),
            ("k: \"one\n   mark\"\n", 11),
            ("k: \"\\x41 A mark\"\n", 11),
        ] {
            let roots = parse(0, source).unwrap();
            let node = value(&roots[0], "k");
            let text = node.text(source);
            assert_eq!(text.as_str(), node.scalar().unwrap());
            let offset = text.as_str().find("mark").unwrap();
            let place = text.place(offset..offset + 4);
            assert_eq!(
                (place.start, &source[place.start as usize..place.end as usize]),
                (at, "mark"),
                "{source:?}"
            );
        }
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut source = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let refs = vec![format!("*a{}", n - 1); 10].join(", ");
            source += &format!("- &a{n} [{refs}]\n");
        }
        assert!(parse(0, &source).unwrap_err().message.contains("YAML nodes"));
    }

    #[test]
    fn what_is_not_yaml_is_said_with_its_place() {
        let complaint = parse(0, "a: [1, 2\nb: 3\n").unwrap_err();
        assert!(complaint.message.starts_with("not YAML: "), "{complaint:?}");
        assert!(complaint.place.start > 0);
    }
}
