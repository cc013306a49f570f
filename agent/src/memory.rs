//! Gives memory that the start took and the watching does not need back to the kernel.

/// The heap keeps what was freed; the kernel's type information alone leaves a dozen MiB.
#[cfg(target_env = "gnu")]
pub fn give_back() {
    // SAFETY: malloc_trim has no conditions, and takes the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators give it back by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_back() {}
