//! Rule files as text: where things stand, what is wrong with them, and YAML that remembers both.

pub mod diagnostic;
pub mod place;
pub mod value;
pub mod yaml;

pub use diagnostic::{Complaint, Diagnostic, Reports, Severity, line_of, nearest};
pub use place::{At, Place, Text};
pub use yaml::{Content, Node};
