//! Starting while signals come in.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use nightjar::sensor::{HookState, Options, Sensor};
use nightjar_events::Kind;
use nightjar_tests::Ring;

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handle(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test]
async fn signals_do_not_break_a_load_off() {
    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGURG, handle as *const () as libc::sighandler_t) };
    // SAFETY: it is told of this thread alone.
    let loading = unsafe { libc::pthread_self() };
    let loaded = AtomicBool::new(false);
    let options = Options { kinds: BTreeSet::from([Kind::Exec, Kind::Open]), ..Ring::options() };
    let sensor = thread::scope(|scope| {
        scope.spawn(|| {
            while !loaded.load(Ordering::Relaxed) {
                // SAFETY: the thread lives as long as the scope.
                unsafe { libc::pthread_kill(loading, libc::SIGURG) };
            }
        });
        let sensor = Sensor::start(&options);
        loaded.store(true, Ordering::Relaxed);
        sensor
    });
    for hook in sensor.unwrap().hooks() {
        assert_ne!(hook.state, HookState::Failed, "{hook:?}");
    }
    assert!(HANDLED.load(Ordering::Relaxed) > 0);
}
