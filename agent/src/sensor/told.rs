//! What the kernel tells of a program, beside what the programs count themselves.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use aya::programs::ProgramFd;

/// How often it did not run the program because another was running on that CPU, which it does where programs can be
/// preempted; told from 5.12 on.
pub(super) const SKIPPED: &str = "recursion_misses";
/// How many instructions the verifier walked through; told from 5.16 on.
pub(super) const VERIFIED: &str = "verified_insns";

/// `None` of a kernel that does not tell.
pub(super) fn of(program: &ProgramFd, key: &str) -> io::Result<Option<u64>> {
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    Ok(number(&std::fs::read_to_string(path)?, key))
}

fn number(fdinfo: &str, key: &str) -> Option<u64> {
    let value = fdinfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    value?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_numbers_are_read() {
        let text = "pos:\t0\nprog_type:\t5\nrun_cnt:\t0\nrecursion_misses:\t13\nverified_insns:\t38526\n";
        assert_eq!(number(text, SKIPPED), Some(13));
        assert_eq!(number(text, VERIFIED), Some(38526));
        assert_eq!(number("pos:\t0\nprog_type:\t5\nrun_cnt:\t0\n", SKIPPED), None);
    }
}
