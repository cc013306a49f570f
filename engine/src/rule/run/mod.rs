//! Judging: what is decided for each event. Everything that could be worked out at load has been.

pub mod compare;
pub mod index;
pub mod output;
pub mod pattern;
pub mod program;
pub mod read;
pub mod text;
pub mod transform;
pub mod truth;
