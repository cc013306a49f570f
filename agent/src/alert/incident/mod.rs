//! An incident in an alert: its name, what is said of it, and its keys. What belongs to it and when it is told, the engine
//! decides.

mod human;
#[cfg(test)]
pub(super) mod tests;
mod view;

use nightjar_engine::incident::{SECOND, State};
use uuid::Uuid;

pub use self::{human::block, view::IncidentView};

/// Names an incident for ever, on whichever run it is told.
pub fn id(state: &State) -> Uuid {
    named(state.id)
}

fn named(first: u128) -> Uuid {
    Uuid::new_v5(&Uuid::from_u128(first), b"incident")
}

/// Names a report of it: the first is the first finding's alert, the others are alerts of their own.
pub fn report_id(state: &State, first: Uuid) -> Uuid {
    match state.update {
        0 => first,
        update => Uuid::new_v5(&id(state), update.to_string().as_bytes()),
    }
}

/// Enough of the name to tell incidents apart on a screen.
pub fn short(state: &State) -> String {
    id(state).to_string().chars().take(8).collect()
}

/// What an alert that is not the first says in one text.
pub fn message(state: &State, worst: &str) -> String {
    format!("Incident {}: {}, worst: {worst}", short(state), summary(state))
}

/// `12 findings by 9 rules within 0.4 s, score 93`.
fn summary(state: &State) -> String {
    let rules = state.rules().len();
    format!(
        "{} by {} within {}, score {}",
        counted(state.findings, "finding"),
        counted(rules as u64, "rule"),
        span(state.last - state.first),
        state.score()
    )
}

fn counted(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Nanoseconds as a person says them.
fn span(time: u64) -> String {
    let seconds = time / SECOND;
    match seconds {
        0..60 => format!("{seconds}.{} s", time % SECOND / (SECOND / 10)),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
