//! `nightjar rules`: what a detection engineer does with rule files, on a laptop or in CI. Nothing here needs root or
//! a kernel.

mod check;
mod explain;
mod list;
mod test;

use std::{collections::BTreeSet, path::PathBuf};
