//! A rule's selections and condition, put through every view of its log source, as one condition of the core.

use std::collections::BTreeSet;

use super::{
    compare::written,
    condition::Condition,
    detection::{Item, Selection},
    fold::Cond,
    logsource::{Answer, LogSource, RECORD_TYPES, View},
};
use crate::rule::{
    check::Table,
    lang::{Expr, tree::PARTS_MAX},
    source::{Complaint, Place, Reports},
};

pub use super::compare::reference;

/// Where events of a rule would come from.
pub enum Origin {
    Events(&'static LogSource),
    /// From what no event here tells, as a noun: `log of sshd`.
    Elsewhere(String),
}

/// A rule in one view.
pub struct Scope<'s, 't> {
    pub source: Option<&'static LogSource>,
    pub view: Option<&'static View>,
    /// What is missing where there is no view.
    pub noun: String,
    pub table: &'s Table<'t>,
    pub errors: Vec<Complaint>,
    pub warnings: Vec<Complaint>,
    /// Comparisons made so far.
    pub parts: usize,
    /// Fields by Sigma's name, and what they are here.
    pub names: Vec<(String, String)>,
    /// System calls that the rule names; none: it may be about any.
    pub calls: Vec<String>,
    /// The type that a record of no view has.
    record: Option<&'static str>,
}

pub struct Compiled {
    pub expr: Expr,
    pub names: Vec<(String, String)>,
}

/// `None` when something is wrong, which is reported.
pub fn compile(
    origin: &Origin,
    selections: &[Selection],
    condition: &Condition,
    place: Place,
    table: &Table<'_>,
    reports: &mut Reports<'_>,
) -> Option<Compiled> {
    let mut scope = Scope {
        source: None,
        view: None,
        noun: String::new(),
        table,
        errors: Vec::new(),
        warnings: Vec::new(),
        parts: 0,
        names: Vec::new(),
        calls: Vec::new(),
        record: None,
    };
    let cond = match origin {
        Origin::Elsewhere(noun) => {
            scope.noun.clone_from(noun);
            scope.lacking(noun.clone(), place)
        }
        Origin::Events(source) => {
            scope.source = Some(source);
            let mut used = Vec::new();
            condition.selections(&mut used);
            let items: Vec<&Item> = used.iter().flat_map(|index| items(&selections[*index])).collect();
            let wanted = |view: &&View| {
                view.only_with
                    .is_none_or(|field| items.iter().any(|item| item.field.as_deref() == Some(field)))
            };
            let calls = items.iter().filter(|item| item.field.as_deref() == Some("SYSCALL"));
            let calls = calls.flat_map(|item| item.values.iter().filter_map(|value| value.text.clone()));
            scope.calls = calls.collect::<BTreeSet<_>>().into_iter().collect();
            let mut any = Vec::new();
            for view in source.views.iter().filter(wanted) {
                scope.view = Some(view);
                any.push(Cond::all([written(view.events), scope.condition(condition, selections)]));
            }
            scope.view = None;
            for record in if source.is_audit() { records(&items) } else { Vec::new() } {
                scope.noun = format!("audit record {record}");
                scope.record = Some(record);
                let lacking = scope.lacking(scope.noun.clone(), place);
                any.push(Cond::all([scope.condition(condition, selections), lacking]));
            }
            Cond::any(any)
        }
    };
    if scope.parts > PARTS_MAX {
        scope.errors.push(Complaint::new(place, format!("the rule has more than {PARTS_MAX} parts")));
    }
    scope.warnings.into_iter().for_each(|complaint| reports.warning(complaint));
    let failed = !scope.errors.is_empty();
    scope.errors.into_iter().for_each(|complaint| reports.error(complaint));
    let expr = match cond {
        _ if failed => return None,
        Cond::Expr(expr) => expr,
        Cond::Const(value) => match written(if value { "evt.num > 0" } else { "evt.num = 0" }) {
            Cond::Expr(expr) => expr,
            Cond::Const(_) => return None,
        },
    };
    Some(Compiled { expr, names: scope.names })
}

fn items(selection: &Selection) -> Vec<&Item> {
    match selection {
        Selection::All(items) => items.iter().collect(),
        Selection::Any(parts) => parts.iter().flat_map(items).collect(),
    }
}

/// Record types of auditd that a rule names and no event here stands for.
fn records(items: &[&Item]) -> Vec<&'static str> {
    let mut out = Vec::new();
    for item in items.iter().filter(|item| item.field.as_deref() == Some("type")) {
        for text in item.values.iter().filter_map(|value| value.text.as_deref()) {
            let found = AUDIT_RECORDS.iter().find(|name| name.eq_ignore_ascii_case(text));
            if let Some(name) = found.filter(|name| !RECORD_TYPES.contains(name) && !out.contains(*name)) {
                out.push(*name);
            }
        }
    }
    out
}

impl Scope<'_, '_> {
    fn condition(&mut self, condition: &Condition, selections: &[Selection]) -> Cond {
        // Beyond the limit nothing is built any more; the caller says so.
        if self.parts > PARTS_MAX {
            return Cond::Const(false);
        }
        match condition {
            Condition::Selection(index) => self.selection(&selections[*index]),
            Condition::All(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.condition(part, selections)).collect();
                Cond::all(parts)
            }
            Condition::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.condition(part, selections)).collect();
                Cond::any(parts)
            }
            Condition::Some(count, parts) => self.some(*count, parts, selections),
            Condition::Not(inner) => self.condition(inner, selections).not(),
        }
    }

    /// At least `count` of the parts: the first and one less of the others, or so many of the others.
    fn some(&mut self, count: usize, parts: &[Condition], selections: &[Selection]) -> Cond {
        match (count, parts) {
            (0, _) => Cond::Const(true),
            (count, parts) if count > parts.len() || self.parts > PARTS_MAX => Cond::Const(false),
            (_, []) => Cond::Const(false),
            (count, [first, rest @ ..]) => {
                self.parts += 1;
                let first = self.condition(first, selections);
                let with = Cond::all([first, self.some(count - 1, rest, selections)]);
                Cond::any([with, self.some(count, rest, selections)])
            }
        }
    }

    fn selection(&mut self, selection: &Selection) -> Cond {
        match selection {
            Selection::All(items) => {
                let parts: Vec<_> = items.iter().map(|item| self.item(item)).collect();
                Cond::all(parts)
            }
            Selection::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.selection(part)).collect();
                Cond::any(parts)
            }
        }
    }

    /// What a field is in this view.
    pub fn answer(&mut self, name: &str, place: Place) -> Answer {
        let Some(source) = self.source else { return Answer::Lacking };
        let Some(view) = self.view else {
            return match (name, self.record) {
                ("type", Some(record)) => Answer::Text(record),
                (_, _) => Answer::Lacking,
            };
        };
        if let Some(answer) = source.answer(view, name) {
            if let Answer::Field(field) | Answer::Directory(field) = answer {
                self.note(name, field);
            }
            return answer;
        }
        // Any field of the core may be asked for by its own name.
        if name.contains('.') && self.table.find(&reference(name, Place::default())).is_ok() {
            return Answer::Own;
        }
        let complaint = Complaint::new(place, format!("unknown field `{name}`: no event here has it"));
        self.warnings.push(match source.like(name) {
            Some(like) => complaint.help(format!("did you mean `{like}`?")),
            None => complaint.help("fields of Falco may be named too, such as `container.image`"),
        });
        Answer::Lacking
    }

    fn note(&mut self, name: &str, field: &str) {
        if !self.names.iter().any(|(sigma, ours)| sigma == name && ours == field) {
            self.names.push((name.to_owned(), field.to_owned()));
        }
    }
}

/// Types of audit records that rules are known to ask for.
static AUDIT_RECORDS: &[&str] = &[
    "SYSCALL",
    "EXECVE",
    "PATH",
    "ADD_GROUP",
    "ADD_USER",
    "ANOM_ABEND",
    "ANOM_PROMISCUOUS",
    "AVC",
    "BPF",
    "CONFIG_CHANGE",
    "CRED_ACQ",
    "CRED_DISP",
    "CRED_REFR",
    "CWD",
    "DAEMON_ABORT",
    "DAEMON_CONFIG",
    "DAEMON_END",
    "DAEMON_START",
    "DEL_GROUP",
    "DEL_USER",
    "FEATURE_CHANGE",
    "GRP_MGMT",
    "KERN_MODULE",
    "LOGIN",
    "MAC_CONFIG_CHANGE",
    "MAC_POLICY_LOAD",
    "MAC_STATUS",
    "NETFILTER_CFG",
    "OBJ_PID",
    "PROCTITLE",
    "SERVICE_START",
    "SERVICE_STOP",
    "SOCKADDR",
    "SYSTEM_BOOT",
    "SYSTEM_RUNLEVEL",
    "SYSTEM_SHUTDOWN",
    "TTY",
    "USER_ACCT",
    "USER_AUTH",
    "USER_CHAUTHTOK",
    "USER_CMD",
    "USER_END",
    "USER_ERR",
    "USER_LOGIN",
    "USER_LOGOUT",
    "USER_MGMT",
    "USER_ROLE_CHANGE",
    "USER_START",
    "USER_TTY",
];
