//! Arguments in, exit code out; everything else is in the library.

use std::process::ExitCode;

use nightjar::{
    cli::{self, ThisNode},
    demo,
};

fn main() -> ExitCode {
    // The demo's container is this program again: then it does not come back.
    demo::enter_if_asked();
    cli::main(&ThisNode)
}
