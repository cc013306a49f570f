//! From a tree of words to a tree of typed comparisons: fields looked up, literals read, equal parts shared, and for
//! each part the event types for which it can hold.

pub mod arena;
pub mod falco;
pub mod literal;
pub mod operand;
pub mod reach;
pub mod table;
pub mod test;
pub mod types;

pub use arena::{Arena, CheckId, Node, NodeId, ReadId};
pub use table::Table;
pub use types::TypeSet;
