//! `nightjar events`: what the kernel side sees, unjudged, with identity.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;
use jiff::SignedDuration;
use nightjar_engine::Event;
use nightjar_events::{EVENTS, Kind, Type};

use super::{EachEvent, EventsRequest, Exit, Failure, Node, OrEnd, Terminal};
use crate::{
    alert::{
        clock_of,
        cmdline::shorten,
        escape::{lossless, terminal},
        json, rfc3339,
    },
    capture::Source,
    config::{Config, Hooks, Raw},
};

/// Most characters shown of a value in the human form.
const VALUE_SHOWN_MAX: usize = 120;

/// Print every event, without judging any
///
/// With `--from`, those of a capture: needs no root. The JSON form is the one in which the cases of rule tests are written: what this prints can be pasted into a test.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo nightjar events --type exec,connect\n  sudo nightjar events --container web --for 10s --format json > web.jsonl"
)]
pub struct EventsArgs {
    /// Those of a file: one that `nightjar record` wrote, or a log of Linux audit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scope", "time", "hooks", "host_root"])]
    from: Option<PathBuf>,

    /// Only these: events (exec) or values of evt.type (openat), separated by commas
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = wanted_type)]
    types: Vec<Wanted>,

    /// Only of this container: its name, or the beginning of its id
    #[arg(long, value_name = "CONTAINER")]
    container: Option<String>,

    /// Only of those: all, containers, or any of container=NAME-OR-ID, pod=NAMESPACE/NAME and cgroup=PATH, in which `*`
    /// stands for any text [default: all]
    #[arg(long, value_name = "SCOPE", num_args = 1..)]
    scope: Vec<String>,

    /// Stop after this time: 10s, 5m
    #[arg(long = "for", value_name = "TIME")]
    time: Option<SignedDuration>,

    /// How events that are system calls are watched [default: fentry where the kernel allows it, else tracepoint]
    #[arg(long, value_name = "FAMILY")]
    hooks: Option<Hooks>,

    /// Where the node's files are, when nightjar itself runs in a container [default: /]
    #[arg(long, value_name = "DIR")]
    host_root: Option<PathBuf>,

    /// Form of the events [default: human on a terminal, else json]
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line to read
    Human,
    /// One line of JSON
    Json,
    /// MessagePack maps one after another, with the keys of the JSON form
    Msgpack,
}

/// An event, or one of its types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    kind: Kind,
    ty: Option<&'static str>,
}

#[derive(Debug, thiserror::Error)]
enum PrintError {
    #[error("write event to standard output")]
    Write(#[from] io::Error),
    #[error("encode event as JSON")]
    Json(#[from] serde_json::Error),
    #[error("encode event as MessagePack")]
    Msgpack(#[from] rmp_serde::encode::Error),
}

fn wanted_type(name: &str) -> Result<Wanted, String> {
    let events = EVENTS.iter().map(|event| (event.name, Wanted { kind: event.kind, ty: None }));
    let types = EVENTS
        .iter()
        .flat_map(|event| event.types.iter().map(|ty| (*ty, Wanted { kind: event.kind, ty: Some(*ty) })));
    let mut known: Vec<_> = events.chain(types).collect();
    if let Some((_, wanted)) = known.iter().find(|(known, _)| *known == name) {
        return Ok(*wanted);
    }
    known.sort_by_key(|(known, _)| strsim::damerau_levenshtein(known, name));
    let nearest = known.first().map_or("", |(name, _)| *name);
    let names: Vec<_> = EVENTS.iter().map(|event| event.name).collect();
    Err(format!("no event is called `{name}`: did you mean `{nearest}`? Events are {}", names.join(", ")))
}

impl EventsArgs {
    pub fn run(self, node: &dyn Node, terminal: Terminal) -> Result<Exit, Failure> {
        let scope = if self.scope.is_empty() && self.container.is_some() {
            vec!["containers".to_owned()]
        } else {
            self.scope.clone()
        };
        let config = Config::check(Raw {
            scope,
            host_root: self.host_root.clone(),
            hooks: self.hooks,
            ..Raw::default()
        })
        .or_end(Exit::Usage)?;
        let time = self.time.map(Duration::try_from).transpose().or_end(Exit::Usage)?;
        let format = self.format.unwrap_or(if terminal.interactive { Format::Human } else { Format::Json });
        let mut failed = None;
        let mut stdout = io::stdout();
        let mut each = |event: &Event| {
            if !self.wants(event) {
                return ControlFlow::Continue(());
            }
            match write(&mut stdout, event, format) {
                Ok(()) => ControlFlow::Continue(()),
                Err(e) => {
                    failed = Some(e);
                    ControlFlow::Break(())
                }
            }
        };
        let read = match &self.from {
            Some(file) => recorded(file, &mut each),
            None => node.events(&EventsRequest { config, kinds: self.kinds(), time }, &mut each).map(drop),
        };
        read?;
        failed.map_or(Ok(Exit::Done), |e| Err(e.into()))
    }

    fn kinds(&self) -> BTreeSet<Kind> {
        if self.types.is_empty() {
            return EVENTS.iter().map(|event| event.kind).collect();
        }
        self.types.iter().map(|wanted| wanted.kind).collect()
    }

    fn wants(&self, event: &Event) -> bool {
        let of_type = |wanted: &Wanted| {
            wanted.kind == event.kind() && wanted.ty.is_none_or(|ty| ty == event.type_name())
        };
        let in_container = self.container.as_deref().is_none_or(|name| {
            event
                .container
                .as_deref()
                .is_some_and(|c| c.name == name || (!name.is_empty() && c.id.starts_with(name)))
        });
        (self.types.is_empty() || self.types.iter().any(of_type)) && in_container
    }
}

fn recorded(file: &Path, each: &mut EachEvent) -> Result<(), Failure> {
    let mut source = Source::open(file, None).or_end(Exit::Usage)?;
    let mut events = Vec::new();
    loop {
        let more = source.next(&mut events);
        if events.drain(..).any(|event| each(&event).is_break()) {
            return Ok(());
        }
        if !more.or_end(Exit::Failed)? {
            break;
        }
    }
    source.say_what_is_missing();
    Ok(())
}

fn write(stream: &mut impl Write, event: &Event, format: Format) -> Result<(), PrintError> {
    let bytes = match format {
        Format::Human => line(event).into_bytes(),
        Format::Json => (json::to_line(event)? + "\n").into_bytes(),
        Format::Msgpack => rmp_serde::to_vec_named(event)?,
    };
    stream.write_all(&bytes)?;
    Ok(stream.flush()?)
}

/// Time, type, who, where, and the event's own values but for plain numbers, of which an exec has two dozen.
fn line(event: &Event) -> String {
    let time = rfc3339(event.time);
    let mut line = format!(
        "{} {:<10} {}({})",
        clock_of(&time),
        event.type_name(),
        shown(&event.process.comm),
        event.process.pid
    );
    if let Some(container) = &event.container {
        let name = if container.name.is_empty() {
            shorten(&container.id, 12)
        } else {
            container.name.as_str().into()
        };
        line.push_str(&format!(" [{}]", terminal(name.trim_end_matches('…'))));
    }
    for field in event.kind().event().fields {
        if matches!(field.ty, Type::Uint | Type::Time) {
            continue;
        }
        if let Some(text) = event.get(field).into_text() {
            line.push_str(&format!(" {}={}", field.name, shown(&text.bytes)));
        }
    }
    line.push('\n');
    line
}

fn shown(bytes: &[u8]) -> String {
    shorten(&terminal(&lossless(bytes)), VALUE_SHOWN_MAX).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use nightjar_engine::event::Case;

    use super::*;
    use crate::alert::sample::alert;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        events: EventsArgs,
    }

    fn args(line: &[&str]) -> EventsArgs {
        Line::parse_from([&["events"], line].concat()).events
    }

    #[test]
    fn a_type_narrows_what_is_printed_and_what_is_attached() {
        let event = alert().event;
        assert!(args(&[]).wants(&event));
        assert!(args(&["--type", "exec,open"]).wants(&event));
        assert!(args(&["--type", "openat"]).wants(&event));
        assert!(!args(&["--type", "openat2"]).wants(&event));
        assert_eq!(args(&["--type", "openat,open"]).kinds(), BTreeSet::from([Kind::Open]));
        assert_eq!(args(&[]).kinds().len(), Kind::COUNT);
    }

    #[test]
    fn a_type_that_does_not_exist_is_refused_with_a_guess() {
        let error = wanted_type("exce").unwrap_err();
        assert!(error.starts_with("no event is called `exce`: did you mean `exec`?"), "{error}");
    }

    #[test]
    fn a_container_is_meant_by_its_name_or_the_beginning_of_its_id() {
        let event = alert().event;
        assert!(args(&["--container", "web"]).wants(&event));
        assert!(args(&["--container", "0123456"]).wants(&event));
        assert!(!args(&["--container", "we"]).wants(&event));
        assert!(!args(&["--container", ""]).wants(&event));
    }

    #[test]
    fn what_is_printed_as_json_reads_back_as_the_same_event() {
        let event = alert().event;
        let mut out = Vec::new();
        write(&mut out, &event, Format::Json).unwrap();
        let case: Case = serde_json::from_slice(&out).unwrap();
        let again = case.into_event().unwrap();
        let mut out_again = Vec::new();
        write(&mut out_again, &again, Format::Json).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), String::from_utf8(out_again).unwrap());
    }

    #[test]
    fn messagepack_says_what_json_says() {
        let event = alert().event;
        let (mut packed, mut line) = (Vec::new(), Vec::new());
        write(&mut packed, &event, Format::Msgpack).unwrap();
        write(&mut line, &event, Format::Json).unwrap();
        let unpacked: serde_json::Value = rmp_serde::from_slice(&packed).unwrap();
        assert_eq!(unpacked, serde_json::from_slice::<serde_json::Value>(&line).unwrap());
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let mut event = alert().event;
        std::sync::Arc::make_mut(&mut event.process).comm = b"a\nb\x1b[2J".to_vec();
        let line = line(&event);
        assert!(line.starts_with("00:34:43.123456789 openat     a\\nb\\x1b[2J(1234) [web]"), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.contains(" path=/etc/shadow"), "{line}");
    }
}
