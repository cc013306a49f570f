//! The alert as one line of JSON: Falco's keys as Falco writes them, and ours beside them.
//!
//! The line is always valid UTF-8 and safe to print: what acts on a terminal is written as `\u` escapes, which any
//! JSON reader turns back. Bytes that are not UTF-8 are spelled as `escape::lossless` says.

use std::{borrow::Cow, io, sync::Arc};

use nightjar_engine::{
    Container, Event, Process,
    rule::{OutputValue, Reason},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::ser::Formatter;

use super::{
    Alert, Origin, clock_of, cmdline,
    escape::{is_hazard, lossless},
    incident::{self, IncidentView},
};

/// Longest command line given of an ancestor, in characters; the process itself is given whole.
pub const ANCESTOR_CMDLINE_MAX: usize = 1024;

impl Serialize for Alert {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        View::of(self).serialize(serializer)
    }
}

/// A message, or any value, as one line of JSON that is safe to print, without its end.
pub fn to_line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = Vec::with_capacity(2048);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Printable))?;
    Ok(String::from_utf8(out).expect("serde_json writes UTF-8"))
}

/// Spells hazards as `\u` escapes; serde_json itself does so only below U+0020.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hazard) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let hazard = from.chars().next().unwrap_or_default();
            for unit in hazard.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &from[hazard.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[derive(Serialize)]
struct View<'a> {
    uuid: String,
    time: String,
    hostname: &'a str,
    rule: &'a str,
    priority: &'static str,
    source: &'a str,
    tags: Vec<&'a str>,
    /// As Falco prints it: time of day, priority, message.
    output: String,
    message: Cow<'a, str>,
    output_fields: OutputFields<'a>,
    why: Vec<Why<'a>>,
    process: ProcessView<'a>,
    container: Option<ContainerView<'a>>,
    identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<IncidentView<'a>>,
    /// In the form in which the cases of rule tests are written, without the ancestors that stand above already.
    event: Event,
    nightjar: About<'a>,
}

#[derive(Serialize)]
pub(super) struct Why<'a> {
    check: &'a str,
    value: &'a str,
}

impl<'a> Why<'a> {
    pub(super) fn of(Reason { check, value, .. }: &'a Reason) -> Self {
        Why { check, value }
    }
}

#[derive(Serialize)]
struct ProcessView<'a> {
    pid: u32,
    name: Cow<'a, str>,
    exe: Cow<'a, str>,
    cmdline: String,
    args: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    args_truncated: bool,
    cwd: Cow<'a, str>,
    uid: u32,
    euid: u32,
    /// Name of `euid`.
    user: Option<&'a str>,
    loginuid: Option<u32>,
    login_user: Option<&'a str>,
    tty: u32,
    /// The parent first.
    ancestry: Vec<Ancestor<'a>>,
}

#[derive(Serialize)]
pub(super) struct Ancestor<'a> {
    pid: u32,
    name: Cow<'a, str>,
    exe: Cow<'a, str>,
    cmdline: String,
}

#[derive(Serialize)]
pub(super) struct ContainerView<'a> {
    id: &'a str,
    name: Option<&'a str>,
    image: Option<&'a str>,
    image_digest: Option<&'a str>,
    runtime: Option<&'a str>,
    privileged: Option<bool>,
    pod: Option<Pod<'a>>,
}

#[derive(Serialize)]
struct Pod<'a> {
    name: &'a str,
    namespace: Option<&'a str>,
    uid: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct About<'a> {
    version: &'static str,
    node: &'a str,
}

impl<'a> About<'a> {
    pub(super) fn of(origin: &'a Origin) -> Self {
        About { version: env!("CARGO_PKG_VERSION"), node: &origin.node }
    }
}

impl<'a> View<'a> {
    fn of(alert: &'a Alert) -> Self {
        let (rule, finding) = (&alert.finding.rule, &alert.finding);
        let (time, priority) = (alert.time(), rule.priority.name());
        let message = match alert.update() {
            Some(state) => Cow::Owned(incident::message(state, &finding.output)),
            None => Cow::Borrowed(finding.output.as_str()),
        };
        let own_tags = || rule.tags.iter().map(String::as_str).collect();
        View {
            uuid: alert.id.to_string(),
            output: format!("{}: {priority} {message}", clock_of(&time)),
            time,
            hostname: &alert.origin.node,
            rule: &rule.name,
            priority,
            source: &rule.source,
            tags: alert.incident.as_ref().map_or_else(own_tags, |state| state.tags()),
            message,
            output_fields: OutputFields { time: alert.event.time, fields: &finding.fields },
            why: finding.reasons.iter().map(Why::of).collect(),
            process: ProcessView::of(&alert.event.process, alert.event.lineage().skip(1)),
            container: alert.event.container.as_deref().map(ContainerView::of),
            identity: alert.identity(),
            incident: alert.incident.as_deref().map(IncidentView::of),
            event: without_ancestors(&alert.event),
            nightjar: About::of(&alert.origin),
        }
    }
}

fn without_ancestors(event: &Event) -> Event {
    let process = Process { parent: None, ..(*event.process).clone() };
    Event { process: Arc::new(process), ..event.clone() }
}

impl<'a> ProcessView<'a> {
    fn of(process: &'a Process, ancestors: impl Iterator<Item = &'a Process>) -> Self {
        ProcessView {
            pid: process.pid,
            name: lossless(&process.comm),
            exe: lossless(&process.exe_path),
            cmdline: cmdline::joined(process),
            args: process.args.iter().map(|arg| lossless(arg)).collect(),
            args_truncated: process.args_cut,
            cwd: lossless(&process.cwd),
            uid: process.uid,
            euid: process.euid,
            user: process.user.as_deref(),
            loginuid: process.loginuid,
            login_user: process.login_user.as_deref(),
            tty: process.tty,
            ancestry: ancestors.map(Ancestor::of).collect(),
        }
    }
}

impl<'a> Ancestor<'a> {
    pub(super) fn of(process: &'a Process) -> Self {
        Ancestor {
            pid: process.pid,
            name: lossless(&process.comm),
            exe: lossless(&process.exe_path),
            cmdline: cmdline::shorten(&cmdline::joined(process), ANCESTOR_CMDLINE_MAX).into_owned(),
        }
    }
}

impl<'a> ContainerView<'a> {
    pub(super) fn of(container: &'a Container) -> Self {
        let pod = known(&container.pod_name).map(|name| Pod {
            name,
            namespace: known(&container.pod_namespace),
            uid: known(&container.pod_uid),
        });
        ContainerView {
            id: &container.id,
            name: known(&container.name),
            image: known(&container.image),
            image_digest: known(&container.image_digest),
            runtime: known(&container.runtime),
            privileged: container.privileged,
            pod,
        }
    }
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What the rule's output names, in its order; and `evt.time`, which
/// Falco adds to every alert.
struct OutputFields<'a> {
    time: u64,
    fields: &'a [(String, OutputValue)],
}

impl Serialize for OutputFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("evt.time", &self.time)?;
        for (at, (name, value)) in self.fields.iter().enumerate() {
            let again = self.fields[..at].iter().any(|(earlier, _)| earlier == name);
            if name != "evt.time" && !again {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::sample::alert, *};

    fn parsed(alert: &Alert) -> Value {
        serde_json::from_str(&to_line(alert).unwrap()).unwrap()
    }

    #[test]
    fn falcos_keys_are_there_as_falco_writes_them() {
        let value = parsed(&alert());
        assert_eq!(value["hostname"], "node-1");
        assert_eq!(
            value["output"],
            "00:34:43.123456789: Warning Secret file read (file=/etc/shadow user=root pid=1234)"
        );
        assert_eq!(value["priority"], "Warning");
        assert_eq!(value["rule"], "Read sensitive file");
        assert_eq!(value["source"], "syscall");
        assert_eq!(value["tags"], json!(["container", "mitre_credential_access"]));
        assert_eq!(value["time"], "2025-11-25T00:34:43.123456789Z");
        assert_eq!(value["output_fields"]["evt.time"], 1_764_030_883_123_456_789_u64);
        assert_eq!(value["output_fields"]["fd.name"], "/etc/shadow");
        assert_eq!(value["output_fields"]["proc.pid"], 1234);
        assert_eq!(value["output_fields"]["k8s.ns.name"], Value::Null);
    }

    #[test]
    fn who_where_and_why_are_there() {
        let value = parsed(&alert());
        assert_eq!(value["why"][1], json!({"check": "fd.name = /etc/shadow", "value": "/etc/shadow"}));
        assert_eq!(value["process"]["cmdline"], "cat /etc/shadow");
        let names: Vec<_> =
            value["process"]["ancestry"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
        assert_eq!(names, ["sh", "containerd-shim", "systemd"]);
        assert_eq!(value["container"]["pod"], json!({"name": "web-0", "namespace": "shop", "uid": null}));
        assert_eq!(value["identity"], "complete");
        assert_eq!(value["event"]["type"], "openat");
        assert_eq!(value["event"]["path"], "/etc/shadow");
        assert_eq!(value["event"]["proc"]["pid"], 1234);
        assert_eq!(value["event"]["proc"].get("parent"), None);
        assert_eq!(value["nightjar"]["node"], "node-1");
    }

    #[test]
    fn hostile_arguments_stay_one_printable_line_and_can_be_had_back() {
        let mut alert = alert();
        let process = Arc::make_mut(&mut alert.event.process);
        process.args = vec![
            b"a\n{\"rule\":\"forged\"}".to_vec(),
            "\x1b[2J\u{9b}\u{202e}\u{e0041}".into(),
            b"\xff\\xff".to_vec(),
        ];
        let line = to_line(&alert).unwrap();
        assert!(!line.contains(is_hazard), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        let args = json!(["a\n{\"rule\":\"forged\"}", "\x1b[2J\u{9b}\u{202e}\u{e0041}", "\\xff\\x5cxff"]);
        assert_eq!(value["process"]["args"], args);
    }

    #[test]
    fn a_field_that_the_output_names_twice_is_one_key() {
        let mut alert = alert();
        alert.finding.fields.push(alert.finding.fields[0].clone());
        assert_eq!(to_line(&alert).unwrap().matches("\"fd.name\":").count(), 1);
    }

    #[test]
    fn an_alert_of_the_host_has_no_container() {
        let mut alert = alert();
        alert.event.container = None;
        assert_eq!(parsed(&alert)["container"], Value::Null);
    }
}
