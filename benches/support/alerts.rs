//! Alerts of the busy node: what a rule that objects to every open and exec says of the replayed records.

use std::sync::Arc;

use nightjar::{
    alert::{Message, Origin, schema::Format},
    output::transport::Item,
    pipeline::Judge,
};
use nightjar_engine::{
    incident::{self, Incidents},
    rule::{Matching, Source, load},
};

use crate::{Desk, Replay};

const RULE: &str = "\
- rule: Opened or started
  desc: d
  priority: WARNING
  output: seen (file=%fd.name command=%proc.cmdline parent=%proc.pcmdline container=%container.id image=%container.image)
  condition: evt.type in (openat, execve)
  tags: [container, T1059.004]
";

/// Each of an event of its own.
pub fn alerts(count: usize) -> Vec<Message> {
    let loaded = load(&[Source { name: "bench.yaml".into(), text: RULE.into() }]);
    let rules = loaded.unwrap_or_else(|errors| panic!("{}", errors[0])).rules;
    let origin = Arc::new(Origin::of_this_node().expect("a node"));
    let incidents = Incidents::new(incident::Settings { window: 0, pause: 0, per_minute: 0 });
    let mut judge = Judge { rules, matching: Matching::First, origin, incidents };
    let (mut replay, mut desk, mut alerts) = (Replay::default(), Desk::default(), Vec::new());
    while alerts.len() < count {
        alerts.extend(replay.next(1024).into_iter().flat_map(|bytes| judge.take(desk.event(&bytes))));
    }
    alerts.truncate(count);
    alerts
}

/// The same as an output gets them.
pub fn items(count: usize, format: Format) -> Vec<Item> {
    let item = |message: &Message| {
        let mut item = Item::of(serde_json::to_value(message).expect("an alert is JSON"));
        item.body = format.body(&item);
        item
    };
    alerts(count).iter().map(item).collect()
}
