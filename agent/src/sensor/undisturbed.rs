//! Work that signals of this thread do not break off.

use std::{mem::MaybeUninit, ptr};

/// Does something with every signal blocked that can be: the verifier gives up when one waits for the thread
/// (`do_check` in kernel/bpf/verifier.c, `EAGAIN`). They are delivered afterwards.
pub fn undisturbed<T>(act: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset fills the set in, which pthread_sigmask reads; it fills in the one before.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let done = act();
    if blocked {
        // SAFETY: the set was filled in by the call that succeeded.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_blocked(signal: i32) -> bool {
        let mut now = MaybeUninit::uninit();
        // SAFETY: the set is filled in by the call.
        unsafe {
            assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), now.as_mut_ptr()), 0);
            libc::sigismember(now.as_ptr(), signal) == 1
        }
    }

    #[test]
    fn signals_are_blocked_as_long_as_it_takes() {
        assert!(!is_blocked(libc::SIGTERM));
        assert!(undisturbed(|| is_blocked(libc::SIGTERM)));
        assert!(!is_blocked(libc::SIGTERM));
    }
}
