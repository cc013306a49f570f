//! How the agent is told what to do. A setting is one member of `Raw`: the flag of `nightjar run` and the key of the
//! file are both made from it. `Raw` is what was written; `Config` is what has been checked and may be relied on.

mod checked;
mod file;
mod outputs;
mod parse;
mod raw;
pub mod rules;
mod size;

pub use self::{
    checked::{Config, ConfigError},
    file::{CONFIG_MAX, FileError},
    outputs::{OUTPUTS_MAX, OutputConfig, RawFilter, SettingsError, To},
    parse::priority,
    raw::{Hooks, Matching, OutputForm, Raw},
    size::ByteSize,
};
