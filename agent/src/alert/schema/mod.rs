//! The alert in the words of others: ECS, OCSF and CEF, all made from the keys of docs/alerts.md by one table. Pure
//! functions from JSON to JSON; what has no word in a schema stays in `nightjar`.

mod cef;
mod ecs;
mod ocsf;
mod table;
#[cfg(test)]
mod tests;

use serde::Deserialize;

use crate::{alert::json::to_line, output::transport::Item};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The keys of docs/alerts.md.
    #[default]
    Native,
    /// Elastic Common Schema.
    Ecs,
    /// OCSF Detection Finding.
    Ocsf,
    /// ArcSight's Common Event Format, which is a line of text.
    Cef,
}

impl Format {
    /// One line, without its end.
    pub fn body(self, item: &Item) -> String {
        let line = match self {
            Format::Native => to_line(&item.alert),
            Format::Ecs => to_line(&ecs::of(item)),
            Format::Ocsf => to_line(&ocsf::of(item)),
            Format::Cef => return cef::of(item),
        };
        // A value that was read from JSON or MessagePack can be written as JSON.
        line.unwrap_or_default()
    }
}
