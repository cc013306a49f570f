//! `exit`.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use nightjar_engine::Value;
use nightjar_events::{Kind, event::exit};
use nightjar_tests::{Eyes, Seen};

use crate::deed::in_child;

fn of(command: &mut Command) -> Seen {
    let eyes = Eyes::open();
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    child.wait().unwrap();
    eyes.wait_for(Kind::Exit, child.id())
}

#[test]
fn the_exit_code_is_told() {
    let seen = of(Command::new("/bin/sh").args(["-c", "exit 42"]));
    assert_eq!((seen.number(&exit::CODE), seen.number(&exit::SIGNAL)), (42, 0));
    assert_eq!(seen.value(&exit::CORE), Value::Bool(false));
    assert_eq!(seen.text(&exit::COMM), "sh");
}

#[test]
fn the_signal_is_told() {
    let seen = of(Command::new("/bin/sh").args(["-c", "kill -TERM $$"]));
    assert_eq!((seen.number(&exit::CODE), seen.number(&exit::SIGNAL)), (0, 15));
    assert_eq!(seen.value(&exit::CORE), Value::Bool(false));
}

#[test]
fn a_core_dump_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let seen = of(Command::new("/bin/sh")
        .args(["-c", "ulimit -c unlimited; kill -SEGV $$"])
        .current_dir(dir.path()));
    assert_eq!(seen.number(&exit::SIGNAL), 11);
    // The kernel says whether it dumped; where core_pattern leads is the machine's affair.
    let dumped = std::fs::read_dir(dir.path()).unwrap().count() > 0;
    if dumped {
        assert_eq!(seen.value(&exit::CORE), Value::Bool(true));
    }
}

#[test]
fn the_lifetime_is_from_start_to_end() {
    let seen = of(Command::new("/bin/sleep").arg("0.2"));
    let lifetime = seen.number(&exit::LIFETIME);
    assert!(lifetime >= 200_000_000, "{lifetime}");
}

const THREADS: usize = 8;

const THREAD: i32 =
    libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::CLONE_THREAD;

/// What a thread does: it counts itself and ends.
extern "C" fn count_one(begun: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the counter of the test below, which waits for it.
    unsafe { &*begun.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
    0
}

#[test]
fn a_process_ends_once_however_many_threads_it_has() {
    let eyes = Eyes::open();
    let mut stacks = vec![[0u128; 1024]; THREADS];
    let mut child = in_child(move || {
        let begun = AtomicUsize::new(0);
        for stack in &mut stacks {
            let top = stack.as_mut_ptr_range().end.cast();
            // SAFETY: each thread has a stack of its own, which lives until the process ends.
            if unsafe { libc::clone(count_one, top, THREAD, (&raw const begun).cast_mut().cast()) } < 0 {
                return 1;
            }
        }
        while begun.load(Ordering::Relaxed) < THREADS {
            std::thread::yield_now();
        }
        0
    });
    assert!(child.wait().unwrap().success());
    let pid = child.id();
    eyes.wait_for(Kind::Exit, pid);
    // A process started after it has ended: had the first ended twice, its second end would come before this one.
    let mut last = in_child(|| 7);
    last.wait().unwrap();
    let next = eyes.wait(Kind::Exit, |seen| [pid, last.id()].contains(&seen.0.header.pid));
    assert_eq!(next.0.header.pid, last.id());
    assert_eq!(next.number(&exit::CODE), 7);
}
