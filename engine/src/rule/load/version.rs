//! What a file requires of the engine. We answer as Falco's engine of the language version that is implemented here.

use crate::rule::source::{Complaint, Content, Node, Reports};

/// The Falco engine whose rule language this is.
pub const ENGINE: Version = Version(0, 63, 0);

/// Plugins whose fields are built in, with the version whose fields they are.
const BUILT_IN: &[(&str, Version)] = &[("container", Version(1, u64::MAX, u64::MAX))];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64, pub u64, pub u64);

impl Version {
    /// `1.2.3`, or `57` for `0.57.0`.
    fn parse(text: &str) -> Option<Version> {
        if let Ok(number) = text.parse() {
            return Some(Version(0, number, 0));
        }
        let core = text.split(['-', '+']).next()?;
        let mut parts = core.split('.').map(str::parse);
        let version = Version(parts.next()?.ok()?, parts.next()?.ok()?, parts.next().unwrap_or(Ok(0)).ok()?);
        parts.next().is_none().then_some(version)
    }
}

pub fn engine(node: &Node, reports: &mut Reports<'_>) {
    let Some(text) = node.scalar().filter(|text| !text.is_empty()) else {
        reports.error(Complaint::new(node.place, format!("expected a version, found {}", node.noun())));
        return;
    };
    match Version::parse(text) {
        None => {
            let complaint = Complaint::new(node.place, format!("`{text}` is no version"));
            reports.error(complaint.help("a number such as `57` or three such as `0.57.0`"));
        }
        Some(version) if version > ENGINE => {
            let message = format!(
                "these rules need engine {text}; this one reads those of 0.{}.{}",
                ENGINE.1, ENGINE.2
            );
            reports.error(Complaint::new(node.place, message));
        }
        Some(_) => {}
    }
}

pub fn plugins(node: &Node, reports: &mut Reports<'_>) {
    let Content::Sequence(wanted) = &node.content else {
        reports
            .error(Complaint::new(node.place, format!("expected a list of plugins, found {}", node.noun())));
        return;
    };
    for plugin in wanted {
        let Some((name, met)) = requirement(plugin, reports) else { continue };
        let others = match key(plugin, "alternatives").map(|node| &node.content) {
            Some(Content::Sequence(others)) => others.as_slice(),
            _ => &[],
        };
        // Each is read, so that mistakes in any of them are reported.
        let others: Vec<_> = others.iter().filter_map(|other| requirement(other, reports)).collect();
        if !met && !others.iter().any(|(_, met)| *met) {
            let complaint = Complaint::new(plugin.place, format!("these rules need the plugin `{name}`"));
            reports.error(
                complaint.help("Falco plugins are not loaded; the fields of `container` are built in"),
            );
        }
    }
}

/// The plugin's name, and whether we stand in for it.
fn requirement<'n>(node: &'n Node, reports: &mut Reports<'_>) -> Option<(&'n str, bool)> {
    let name = key(node, "name").and_then(Node::scalar);
    let version = key(node, "version").and_then(Node::scalar);
    match (name, version.and_then(Version::parse)) {
        (Some(name), Some(version)) => {
            Some((name, BUILT_IN.iter().any(|row| row.0 == name && version <= row.1)))
        }
        (Some(_), None) => {
            reports.error(Complaint::new(node.place, "a required plugin needs a `version` such as `0.4.0`"));
            None
        }
        (None, _) => {
            reports.error(Complaint::new(node.place, "a required plugin needs a `name`"));
            None
        }
    }
}

fn key<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.content {
        Content::Mapping(pairs) => {
            pairs.iter().find(|(key, _)| key.scalar() == Some(name)).map(|(_, value)| value)
        }
        Content::Scalar { .. } | Content::Sequence(_) => None,
    }
}
