//! Stands for the agent without its kernel side: puts numbered alerts into a spool and lets the outputs of a
//! configuration send them. Prints the highest number that the spool has accepted; the tests kill it whenever they like.
//!
//! `feeder CONFIG FIRST LAST`; with FIRST above LAST it only sends what is there.

use std::{io::Write, path::Path, sync::Arc, time::Duration};

use nightjar::{
    alert::{
        Message, Origin,
        loss::{Loss, Missed},
    },
    config::{Config, Raw},
    output::{Output, spooled::Spooled},
};

/// Alerts that are handed over at once.
const AT_ONCE: u64 = 23;
/// A year in nanoseconds: every other alert comes from a clock that was set wrong.
const JUMP: u64 = 365 * 86_400 * 1_000_000_000;
/// 2025-11-25.
const BASE: u64 = 1_764_030_883_000_000_000;

/// The same number is always the same alert. Every tenth is so severe that it must be on disk at once.
fn message(origin: &Arc<Origin>, number: u64) -> Message {
    let vital = number.is_multiple_of(10);
    let time = BASE + number * 1_000 + if number % 2 == 1 { JUMP } else { 0 };
    let missed = vec![Missed { event: "exec", vital, seen: number, shed: 0, lost: 1 }];
    Message::Loss(Loss {
        origin: origin.clone(),
        time,
        since: BASE,
        missed,
        cgroups: Vec::new(),
        others: Vec::new(),
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, config, first, last] = arguments.as_slice() else { panic!("feeder CONFIG FIRST LAST") };
    let (first, last): (u64, u64) = (first.parse().expect("a number"), last.parse().expect("a number"));
    let config =
        Config::check(Raw::read(Path::new(config)).expect("a configuration")).expect("it makes sense");
    let origin = Arc::new(Origin::of_this_node().expect("a node"));
    let mut output =
        Spooled::open(config.spool, config.outputs, None, origin.clone()).expect("the spool can be opened");
    output.start().expect("the outputs start");
    let mut next = first;
    while next <= last {
        let until = (next + AT_ONCE).min(last + 1);
        let messages: Vec<_> = (next..until).map(|number| message(&origin, number)).collect();
        output.write(&messages).expect("alerts can be encoded");
        // A full disk: the next ones wait until the outputs have made room.
        while output.counts().0 < until - first {
            assert_eq!(output.counts().1.no_room, 0);
            #[expect(clippy::disallowed_methods, reason = "the condition decides, not the clock")]
            std::thread::sleep(Duration::from_millis(5));
        }
        next = until;
        println!("{}", next - 1);
        std::io::stdout().flush().expect("somebody reads");
    }
    output.end();
}
