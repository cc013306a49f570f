//! The contract of kernel side and daemon: what a record is, byte for byte, and what its fields mean.
//!
//! Both sides compile this crate, so it has no allocator, no aya and no I/O. It describes; it collects nothing.
//! `wire` is the frame every record shares, `event` holds one page per event type, `schema` the words those
//! pages are written in, `control` what the daemon tells the kernel programs before they start, `ledger` what those
//! count, `failure` where they could not do what they wanted.
#![no_std]
#![forbid(unsafe_code)]

pub mod control;
pub mod event;
pub mod failure;
pub mod ledger;
pub mod schema;
pub mod wire;

pub use event::{Body, EVENTS, Kind};
pub use schema::{Event, Family, Field, Hook, Point, Type};
pub use wire::{Cut, Header, Raw, Record, Span, WireError};
