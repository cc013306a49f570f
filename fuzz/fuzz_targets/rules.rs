//! Any text is a rule file that loads, in whichever language its documents are, or one with at least one diagnostic;
//! each diagnostic can be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightjar_engine::rule::{Source, load};

fuzz_target!(|text: &str| {
    let source = Source { name: "fuzzed.yaml".to_owned(), text: text.to_owned() };
    match load(&[source]) {
        Ok(loaded) => loaded.warnings.iter().for_each(|warning| assert!(!warning.to_string().is_empty())),
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            errors.iter().for_each(|error| assert!(!error.to_string().is_empty()));
        }
    }
});
