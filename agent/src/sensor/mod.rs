//! What became of each kernel program.

use serde::Serialize;

/// One program and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct HookStatus {
    pub event: &'static str,
    pub program: &'static str,
    pub target: &'static str,
    pub family: &'static str,
    pub state: HookState,
    /// Why it is not attached.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    Attached,
    /// The kernel does not have the target; the event may still be whole (creat is no system call on aarch64).
    Absent,
    Failed,
}
