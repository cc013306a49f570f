//! How an incident goes on, as a block that a person reads: what is new, where, and the whole tree.

use nightjar_engine::incident::{Node, State, Step};

use super::{
    super::{
        Alert,
        cmdline::{shorten, shown},
        escape::terminal,
        human::{self, Look},
    },
    short, summary,
};

/// Most characters shown of a step's message and of a command line.
pub const STEP_SHOWN_MAX: usize = 240;
pub const COMMAND_SHOWN_MAX: usize = 120;

/// The block, ending in an empty line.
pub fn block(alert: &Alert, state: &State, look: Look) -> String {
    let goes = if state.end.is_some() { "is over" } else { "goes on" };
    let name = format!("Incident {} {goes}", short(state));
    let mut block = human::title(alert.nanoseconds(), alert.finding.rule.priority, &name, look);
    human::row(&mut block, "what", &summary(state), look);
    let mut rows = |label: &str, rows: &mut dyn Iterator<Item = String>| {
        for (n, row) in rows.enumerate() {
            human::row(&mut block, if n == 0 { label } else { "" }, &row, look);
        }
    };
    let old = state.steps.len() - state.new;
    let again = state.steps[..old].iter().filter(|step| step.count > 1);
    match state.end {
        Some(_) => rows("steps", &mut state.steps.iter().map(step)),
        None if state.new > 0 => rows("new", &mut state.steps[old..].iter().map(step)),
        None => rows("again", &mut again.map(step)),
    }
    rows("where", &mut std::iter::once(human::place(alert)));
    let tree = state.tree.rows();
    rows("tree", &mut tree.iter().map(|(depth, node)| branch(*depth, node)));
    if state.tree.left_out > 0 {
        rows("", &mut std::iter::once(format!("{} findings of further processes", state.tree.left_out)));
    }
    let tags = state.tags();
    if !tags.is_empty() {
        rows("tags", &mut std::iter::once(terminal(&tags.join(", ")).into_owned()));
    }
    if let Some(end) = state.end {
        rows("ended", &mut std::iter::once(end.word().to_owned()));
    }
    block.push('\n');
    block
}

/// `Warning  Password file read in a container | file=/etc/shadow … [cat(12392)] 3 times`.
fn step(step: &Step) -> String {
    let message = step.examples.first().map_or("", String::as_str);
    let message = if message.starts_with(&step.rule.name) {
        terminal(message).into_owned()
    } else {
        terminal(&format!("{}: {message}", step.rule.name)).into_owned()
    };
    let times = if step.count > 1 { format!(" {} times", step.count) } else { String::new() };
    format!(
        "{:<8}  {} [{}({})]{times}",
        step.rule.priority.name(),
        shorten(&message, STEP_SHOWN_MAX),
        human::bytes(&step.process.comm),
        step.process.pid
    )
}

fn branch(depth: usize, node: &Node) -> String {
    let found = if node.findings > 0 {
        format!("  ← {}", super::counted(node.findings, "finding"))
    } else {
        String::new()
    };
    let lead = if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
    let command = shown(&node.process);
    let command = shorten(&command, COMMAND_SHOWN_MAX);
    format!("{lead}{}({}) {command}{found}", human::bytes(&node.process.comm), node.process.pid)
}
