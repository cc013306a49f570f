//! The types that both sides must agree on, for the object's type information: LLVM writes down a struct that a global
//! holds, and of one that is only pointed to at most its name. The agent's tests hold them against its own.

use nightjar_events::{Header, event::Bodies, ledger::Tally};

#[repr(C)]
pub struct Layouts {
    /// The kernel refuses type information with a global that has no size.
    word: u64,
    header: [Header; 0],
    tally: [Tally; 0],
    bodies: Bodies,
}

#[unsafe(no_mangle)]
pub static LAYOUTS: Layouts = Layouts { word: 0, header: [], tally: [], bodies: Bodies::NONE };
