//! The spool's promise on a real disk: whatever happens, an alert that was accepted arrives, under one key.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nightjar::spool::report;
use nightjar_tests::until::{PATIENCE, until};

use crate::{feeder::Site, http::Receiver, process::count};

/// Numbers in a file output, in the order of its lines.
fn numbers(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let number = |line: &str| -> Option<u64> {
        let alert: serde_json::Value = serde_json::from_str(line).expect("whole lines");
        alert["output_fields"]["exec.seen"].as_u64()
    };
    text.lines().filter_map(number).collect()
}

fn webhook(name: &str, url: &str) -> String {
    format!("{{name: {name}, timeout_secs: 2, batch: 100, webhook: {{url: '{url}'}}}}")
}

/// `NIGHTJAR_SPOOL_ROUNDS` says how often; `cargo xtask test spool --rounds 200` sets it.
#[test]
fn an_agent_that_is_killed_at_any_moment_delivers_what_it_accepted_under_one_key() {
    let rounds: u64 =
        std::env::var("NIGHTJAR_SPOOL_ROUNDS").map_or(5, |rounds| rounds.parse().expect("a number"));
    let receiver = Receiver::start();
    receiver.be_moody();
    let site = Site::new("[]");
    let file = site.path("alerts.json");
    let lines = format!("{{name: log, file: {{path: {}}}}}", file.display());
    site.configure(&format!("[{}, {lines}]", webhook("siem", &receiver.url)));
    let mut accepted = 0;
    let mut dice = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as u64 | 1;
    for _ in 0..rounds {
        let mut feeder = site.feed(accepted + 1, accepted + 1_000_000);
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Somewhere in the first milliseconds: while it starts, writes, syncs, sends or moves a cursor.
        let moment = Instant::now() + Duration::from_micros(dice >> 40 & 0xffff);
        while Instant::now() < moment && feeder.wait() {}
        accepted = feeder.kill();
    }
    site.deliver(accepted + 1, accepted + 100);
    let expected: Vec<u64> = (1..=accepted + 100).collect();
    assert_eq!(receiver.numbers(), expected);
    let mut in_file = numbers(&file);
    in_file.sort_unstable();
    in_file.dedup();
    assert_eq!(in_file, expected);
    eprintln!(
        "{rounds} kills, {} alerts, {} of them sent more than once",
        expected.len(),
        receiver.repeated()
    );
    count("spool", &format!("{rounds} kills"), expected.len(), receiver.numbers().len());
}

#[test]
fn a_receiver_that_is_away_loses_nothing_and_clocks_do_not_matter() {
    let receiver = Receiver::start();
    receiver.close(true);
    let site = Site::new("[]");
    let file = site.path("alerts.json");
    let lines = format!("{{name: log, file: {{path: {}}}}}", file.display());
    site.configure(&format!("[{}, {lines}]", webhook("siem", &receiver.url)));
    site.feed(1, 3000).finish();
    assert!(receiver.numbers().is_empty());
    // Every other alert is dated a year ahead; order is that of the spool.
    assert_eq!(numbers(&file), (1..=3000).collect::<Vec<u64>>());
    receiver.close(false);
    site.deliver(3001, 3001);
    assert_eq!(receiver.numbers(), (1..=3001).collect::<Vec<u64>>());
}

#[test]
fn an_output_that_hangs_holds_up_no_other() {
    // Takes connections and never answers.
    let hangs = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", hangs.local_addr().expect("an address"));
    let receiver = Receiver::start();
    let hanging = format!("{{name: hanging, timeout_secs: 300, webhook: {{url: '{url}'}}}}");
    let site = Site::new(&format!("[{hanging}, {}]", webhook("siem", &receiver.url)));
    let begun = Instant::now();
    let feeder = site.feed(1, 2000);
    until("the other one has everything", || (receiver.numbers().len() == 2000).then_some(()));
    assert_eq!(feeder.finish(), 2000);
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(site.waiting(), 2000);
}

/// Needs root.
#[test]
fn a_full_disk_lets_alerts_wait_until_outputs_have_made_room() {
    let dir = tempfile::tempdir().expect("a folder");
    let disk = dir.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let disk = Mounted::tmpfs(&disk, "2m");
    let receiver = Receiver::start();
    receiver.close(true);
    let spool = disk.0.join("spool");
    let site = Site::at(dir, spool, &format!("[{}]", webhook("siem", &receiver.url)));
    let mut feeder = site.feed(1, 6000);
    // It stands still once the disk is full: 6000 alerts need more than twice as much.
    until("the disk is full", || {
        feeder.wait();
        let stat = rustix::fs::statvfs(disk.0.as_path()).expect("a file system");
        (stat.f_bavail * stat.f_frsize < 64 << 10).then_some(())
    });
    assert!(feeder.accepted < 6000);
    receiver.close(false);
    assert_eq!(feeder.finish(), 6000);
    until("the spool is empty", || {
        if site.waiting() > 0 {
            site.feed(6001, 6000).finish();
        }
        (site.waiting() == 0).then_some(())
    });
    assert_eq!(receiver.numbers(), (1..=6000).collect::<Vec<u64>>());
    drop(site);
}

#[test]
fn damage_costs_the_alerts_it_hits_and_is_counted_and_a_torn_end_costs_none_that_was_whole() {
    let receiver = Receiver::start();
    receiver.close(true);
    let site = Site::new(&format!("[{}]", webhook("siem", &receiver.url)));
    site.feed(1, 2000).finish();
    let verified = report::verify(&site.spool).expect("it can be looked at");
    let entries: u64 = verified.iter().map(|segment| segment.entries).sum();
    assert_eq!(entries, 2000);
    let segment =
        fs::File::options().write(true).open(site.spool.join(&verified[0].name)).expect("a segment");
    segment.write_all_at(b"damage", verified[0].bytes / 2).expect("it is writable");
    let last = site.spool.join(&verified.last().expect("a segment").name);
    let mut tail = fs::File::options().append(true).open(last).expect("a segment");
    tail.write_all(&[7; 100]).expect("it is writable");
    receiver.close(false);
    site.deliver(2001, 2001);
    let counts = site.status().outputs[0].counts;
    assert!((1..=2).contains(&counts.damaged), "{counts:?}");
    assert_eq!(receiver.numbers().len() as u64 + counts.damaged, 2001);
    assert!(receiver.numbers().contains(&2000) && receiver.numbers().contains(&2001));
}

/// Unmounts when it is dropped.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn tmpfs(at: &Path, size: &str) -> Mounted {
        let options = format!("size={size}");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status();
        assert!(status.expect("mount is there").success(), "tests of a full disk need root");
        Mounted(at.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A failing test may leave a feeder in it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
