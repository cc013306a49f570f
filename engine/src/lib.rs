//! Judges events by rules. Pure: no I/O, no clock, no threads, no kernel; time comes with the event.
//!
//! In reading order: a `Value` is what a rule compares, an `Event` is one thing that happened with who did it,
//! `field` is the table of questions a rule may ask of an event.
#![forbid(unsafe_code)]

pub mod event;
pub mod field;
pub mod incident;
pub mod rule;
pub mod value;

pub use event::{Container, Event, Payload, Process};
pub use value::Value;
