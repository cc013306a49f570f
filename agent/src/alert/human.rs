//! The alert as a block that a person reads from top to bottom: what, who, where, which ancestors, why.
//!
//! Everything that came from the node's processes passes through `escape::terminal`; colour codes are only ever ours.

use anstyle::{AnsiColor, Style};
use nightjar_engine::{
    Container, Process,
    rule::{Priority, Reason},
};

use super::{
    Alert,
    cmdline::{shorten, shown},
    escape::{lossless, terminal},
    incident, rfc3339,
    wrap::wrap,
};

/// Most characters shown of a comparison and of its value.
pub const REASON_SHOWN_MAX: usize = 160;
/// Most characters shown of the message.
pub const MESSAGE_SHOWN_MAX: usize = 2000;
/// Most ancestors shown; those nearest to the process.
pub const ANCESTORS_SHOWN_MAX: usize = 12;

/// Columns in front of every row's text.
const INDENT: usize = 10;

/// How the block is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub color: bool,
    /// Columns to wrap at; `None`: one line per row, so that it can be searched.
    pub width: Option<usize>,
}

/// The block, ending in an empty line.
pub fn block(alert: &Alert, look: Look) -> String {
    if let Some(state) = alert.update() {
        return incident::block(alert, state, look);
    }
    let rule = &alert.finding.rule;
    let mut out = title(alert.event.time, rule.priority, &rule.name, look);
    let mut rows = vec![("what", shorten(&terminal(&alert.finding.output), MESSAGE_SHOWN_MAX).into_owned())];
    rows.push(("who", who(&alert.event.process)));
    rows.push(("where", place(alert)));
    rows.push(("tree", tree(alert)));
    rows.extend(
        alert
            .finding
            .reasons
            .iter()
            .enumerate()
            .map(|(n, reason)| (if n == 0 { "why" } else { "" }, why(reason))),
    );
    if !alert.finding.rule.tags.is_empty() {
        rows.push(("tags", terminal(&alert.finding.rule.tags.join(", ")).into_owned()));
    }
    if let Some(state) = &alert.incident {
        rows.push(("part of", format!("incident {}", incident::short(state))));
    }
    for (label, text) in rows {
        row(&mut out, label, &text, look);
    }
    out.push('\n');
    out
}

/// The first line.
pub(super) fn title(time: u64, priority: Priority, rule: &str, look: Look) -> String {
    let time = rfc3339(time).replace('T', " ");
    let severity = paint(priority.name(), severity_style(priority), look);
    let rule = paint(&terminal(rule), Style::new().bold(), look);
    format!("{time}  {severity}  {rule}\n")
}

/// A line under the title, or several where it must be wrapped.
pub(super) fn row(block: &mut String, label: &str, text: &str, look: Look) {
    let label = format!("{label:<width$}", width = INDENT - 2);
    block.push_str("  ");
    block.push_str(&paint(&label, Style::new().dimmed(), look));
    block.push_str(&wrap(text, look.width, INDENT));
    block.push('\n');
}

fn severity_style(priority: Priority) -> Style {
    let (color, bold) = match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => (AnsiColor::Red, true),
        Priority::Error => (AnsiColor::Red, false),
        Priority::Warning => (AnsiColor::Yellow, true),
        Priority::Notice => (AnsiColor::Cyan, false),
        Priority::Informational => (AnsiColor::Green, false),
        Priority::Debug => (AnsiColor::BrightBlack, false),
    };
    let style = Style::new().fg_color(Some(color.into()));
    if bold { style.bold() } else { style }
}

fn paint(text: &str, style: Style, look: Look) -> String {
    if look.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

fn who(process: &Process) -> String {
    let ids = if process.uid == process.euid {
        format!("uid {}", process.uid)
    } else {
        format!("euid {}, uid {}", process.euid, process.uid)
    };
    let user = match &process.user {
        Some(name) => format!("{} ({ids})", terminal(name)),
        None => ids,
    };
    let login = match (process.loginuid, &process.login_user) {
        (Some(_), Some(name)) if process.login_user != process.user => {
            format!(", logged in as {}", terminal(name))
        }
        (Some(id), None) if id != process.euid => format!(", logged in as uid {id}"),
        (Some(_) | None, Some(_) | None) => String::new(),
    };
    let mut who = format!("{user}{login} ran {}", shown(process));
    if !process.exe_path.is_empty() {
        who.push_str(&format!(" [{}]", bytes(&process.exe_path)));
    }
    if !process.script_path.is_empty() {
        who.push_str(&format!(" with script {}", bytes(&process.script_path)));
    }
    if !process.cwd.is_empty() {
        who.push_str(&format!(" in {}", bytes(&process.cwd)));
    }
    let traits = [
        (process.exe_from_memfd, "program lives only in memory"),
        (process.exe_deleted, "program file is deleted"),
        (process.exe_upper_layer, "program is not part of the image"),
    ];
    for (_, text) in traits.iter().filter(|(holds, _)| *holds) {
        who.push_str("; ");
        who.push_str(text);
    }
    who
}

pub(super) fn place(alert: &Alert) -> String {
    let node = terminal(&alert.origin.node);
    let Some(container) = &alert.event.container else {
        return format!("on the host, node {node}");
    };
    let mut place = format!("{}, node {node}", described(container));
    let identity = alert.identity();
    if identity != "complete" {
        place.push_str(&terminal(&format!("; identity {identity}")));
    }
    place
}

/// `container web (0123456789ab)`.
pub(super) fn named(Container { id, name, .. }: &Container) -> String {
    let id = shorten(id, 12);
    let id = id.trim_end_matches('…');
    let named = if name.is_empty() { format!("container {id}") } else { format!("container {name} ({id})") };
    terminal(&named).into_owned()
}

/// The same with its image, its pod and what runs it.
pub(super) fn described(container: &Container) -> String {
    let Container { runtime, image, privileged, pod_name, pod_namespace, .. } = container;
    let mut place = String::new();
    if !image.is_empty() {
        place.push_str(&format!(", image {image}"));
    }
    if !pod_name.is_empty() {
        place.push_str(&format!(", pod {pod_namespace}/{pod_name}"));
    }
    if !runtime.is_empty() {
        place.push_str(&format!(", {runtime}"));
    }
    if *privileged == Some(true) {
        place.push_str(", privileged");
    }
    named(container) + &terminal(&place)
}

fn tree(alert: &Alert) -> String {
    let lineage: Vec<_> = alert.event.lineage().collect();
    let kept = lineage.len().min(ANCESTORS_SHOWN_MAX + 1);
    let mut tree = if kept < lineage.len() { "… → ".to_owned() } else { String::new() };
    let names = lineage[..kept].iter().rev().map(|p| format!("{}({})", bytes(&p.comm), p.pid));
    tree.push_str(&names.collect::<Vec<_>>().join(" → "));
    tree
}

fn why(Reason { check, value, .. }: &Reason) -> String {
    let (check, value) = (terminal(check), terminal(value));
    let (check, value) = (shorten(&check, REASON_SHOWN_MAX), shorten(&value, REASON_SHOWN_MAX));
    if value.is_empty() { check.into_owned() } else { format!("{check}  is  {value}") }
}

pub(super) fn bytes(bytes: &[u8]) -> String {
    terminal(&lossless(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{
        super::sample::{alert, process},
        *,
    };

    const PLAIN: Look = Look { color: false, width: None };

    #[test]
    fn an_alert_in_a_pod_reads_from_top_to_bottom() {
        let expected = "\
2025-11-25 00:34:43.123456789Z  Warning  Read sensitive file
  what    Secret file read (file=/etc/shadow user=root pid=1234)
  who     root (uid 0) ran cat /etc/shadow [/usr/bin/cat] in /root
  where   container web (0123456789ab), image docker.io/library/nginx:1.27, pod shop/web-0, containerd, node node-1
  tree    systemd(1) → containerd-shim(900) → sh(1200) → cat(1234)
  why     evt.type in (open, openat)  is  openat
          fd.name = /etc/shadow  is  /etc/shadow
  tags    container, mitre_credential_access

";
        assert_eq!(block(&alert(), PLAIN), expected);
    }

    #[test]
    fn one_who_acts_as_another_is_named_as_that_other() {
        let setuid = Process { uid: 33, user: Some("root".into()), ..Process::default() };
        assert!(who(&setuid).starts_with("root (euid 0, uid 33) ran"), "{}", who(&setuid));
        let nameless = Process { user: None, ..setuid };
        assert!(who(&nameless).starts_with("euid 0, uid 33 ran"), "{}", who(&nameless));
    }

    #[test]
    fn a_narrow_terminal_gets_wrapped_rows_and_colour() {
        let mut alert = alert();
        alert.event.container = None;
        alert.finding.reasons.clear();
        let expected = "\
2025-11-25 00:34:43.123456789Z  \u{1b}[1m\u{1b}[33mWarning\u{1b}[0m  \u{1b}[1mRead sensitive file\u{1b}[0m
  \u{1b}[2mwhat    \u{1b}[0mSecret file read (file=/etc/shadow
          user=root pid=1234)
  \u{1b}[2mwho     \u{1b}[0mroot (uid 0) ran cat /etc/shadow
          [/usr/bin/cat] in /root
  \u{1b}[2mwhere   \u{1b}[0mon the host, node node-1
  \u{1b}[2mtree    \u{1b}[0msystemd(1) → containerd-shim(900) →
          sh(1200) → cat(1234)
  \u{1b}[2mtags    \u{1b}[0mcontainer, mitre_credential_access

";
        assert_eq!(block(&alert, Look { color: true, width: Some(48) }), expected);
    }

    #[test]
    fn hostile_names_and_arguments_cannot_forge_a_line_or_a_colour() {
        let mut alert = alert();
        let hostile = Arc::make_mut(&mut alert.event.process);
        hostile.args = vec![
            b"x\n2025-11-25  Critical  Forged".to_vec(),
            b"\x1b[2J\xff".to_vec(),
            "\u{202e}txt.exe".into(),
        ];
        hostile.comm = b"a\x1b[0m\nb".to_vec();
        hostile.exe_deleted = true;
        alert.finding.output = "msg\r\nwhat \u{9b}31m".into();
        let expected = "\
2025-11-25 00:34:43.123456789Z  Warning  Read sensitive file
  what    msg\\r\\nwhat \\u{9b}31m
  who     root (uid 0) ran 'x\\n2025-11-25  Critical  Forged' '\\x1b[2J\\xff' '\\u{202e}txt.exe' [/usr/bin/cat] in /root; program file is deleted
  where   container web (0123456789ab), image docker.io/library/nginx:1.27, pod shop/web-0, containerd, node node-1
  tree    systemd(1) → containerd-shim(900) → sh(1200) → a\\x1b[0m\\nb(1234)
  why     evt.type in (open, openat)  is  openat
          fd.name = /etc/shadow  is  /etc/shadow
  tags    container, mitre_credential_access

";
        assert_eq!(block(&alert, PLAIN), expected);
    }

    #[test]
    fn ten_thousand_arguments_and_forty_ancestors_stay_readable() {
        let mut alert = alert();
        let args = vec!["x"; 10_000];
        let parent = (1..=40).fold(None, |parent, pid| Some(process(pid, "sh", &["sh"], parent)));
        alert.event.process = Arc::new(process(99, "printf", &args, parent));
        let text = block(&alert, PLAIN);
        assert!(text.contains("(9976 more arguments)"), "{text}");
        assert!(text.contains("tree    … → sh(29) → "), "{text}");
        assert!(text.len() < 1500, "{}", text.len());
    }

    #[test]
    fn what_is_missing_of_an_identity_is_said() {
        let mut alert = alert();
        let container = Arc::make_mut(alert.event.container.as_mut().unwrap());
        (container.name, container.image) = (String::new(), String::new());
        container.missing = vec!["name".into(), "image".into()];
        assert_eq!(
            place(&alert),
            "container 0123456789ab, pod shop/web-0, containerd, node node-1; identity partial: name, image"
        );
    }
}
