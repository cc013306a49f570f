//! What every end-to-end test needs: a watched kernel, and a way to wait for a record.

mod eyes;
pub mod until;

pub use eyes::{Eyes, Ring, Seen, family, is_watched, skipped, verified};
