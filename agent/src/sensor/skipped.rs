//! How often the kernel did not run a program because another was running on that CPU. It does so where programs can
//! be preempted, and no counter of the programs' own sees it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use aya::programs::ProgramFd;

/// Runs that were skipped so far; `None` before Linux 5.12, which does not count them.
pub(super) fn of(program: &ProgramFd) -> io::Result<Option<u64>> {
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    Ok(count(&std::fs::read_to_string(path)?))
}

fn count(fdinfo: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_count_is_read() {
        let text = "pos:\t0\nprog_type:\t5\nrun_cnt:\t0\nrecursion_misses:\t13\nverified_insns:\t38526\n";
        assert_eq!(count(text), Some(13));
        assert_eq!(count("pos:\t0\nprog_type:\t5\nrun_cnt:\t0\n"), None);
    }
}
