//! The spool looked at from outside, while an agent may be using it: nothing is changed but by a request to requeue.

use std::{io, path::Path};

use serde::Serialize;

use super::{
    cursor::{self, Counts, Trouble},
    disk::{Disk, Folder},
    log::{Scan, segments},
    quarantine,
};

#[derive(Debug, Serialize)]
pub struct Report {
    pub segments: usize,
    pub bytes: u64,
    /// Numbers of the first entry that is there, and of the one that comes next.
    pub first: u64,
    pub next: u64,
    pub outputs: Vec<OutputReport>,
}

#[derive(Debug, Serialize)]
pub struct OutputReport {
    pub name: String,
    pub waiting: u64,
    /// Refused by the receiver and kept for `requeue`.
    pub put_aside: usize,
    pub counts: Counts,
    pub trouble: Option<Trouble>,
}

/// One segment, looked through.
#[derive(Debug, Serialize)]
pub struct Verified {
    pub name: String,
    pub bytes: u64,
    pub entries: u64,
    /// Numbers that belong here and are not there.
    pub missing: u64,
    pub damaged_bytes: u64,
    /// Bytes behind the last entry: of one that is being written, or was not written to its end.
    pub open_bytes: u64,
}

/// Names of outputs that have a cursor here.
fn outputs(disk: &impl Disk) -> io::Result<Vec<String>> {
    let there = disk.list()?.into_iter();
    let mut names: Vec<_> =
        there.filter_map(|(name, _)| name.strip_suffix(cursor::SUFFIX).map(str::to_owned)).collect();
    names.sort();
    Ok(names)
}

pub fn status(dir: &Path) -> io::Result<Report> {
    let disk = Folder::look(dir.to_owned())?;
    let segments = segments(&disk)?;
    let first = segments.front().map_or(0, |segment| segment.first);
    let mut next =
        segments.back().map_or(Ok(0), |last| Scan::of(&disk, last, u64::MAX).map(|scan| scan.next))?;
    let mut found = Vec::new();
    for name in outputs(&disk)? {
        let Some(cursor) = cursor::load(&disk, &name)? else { continue };
        next = next.max(cursor.position.next);
        let put_aside = quarantine::read(&disk, &name)?.len();
        found.push((name, put_aside, cursor));
    }
    let outputs = found.into_iter().map(|(name, put_aside, cursor)| OutputReport {
        waiting: next - cursor.position.next.max(first).min(next),
        name,
        put_aside,
        counts: cursor.counts,
        trouble: cursor.trouble,
    });
    Ok(Report {
        segments: segments.len(),
        bytes: segments.iter().map(|segment| segment.len).sum(),
        first,
        next,
        outputs: outputs.collect(),
    })
}

pub fn verify(dir: &Path) -> io::Result<Vec<Verified>> {
    let disk = Folder::look(dir.to_owned())?;
    let segments = segments(&disk)?;
    let mut verified = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let following = segments.get(at + 1).map(|following| following.first);
        let scan = Scan::of(&disk, segment, following.unwrap_or(u64::MAX))?;
        let end = following.unwrap_or(scan.next);
        let behind = segment.len - scan.good.min(segment.len);
        // Nothing is being written to a segment that another one follows.
        let (damaged, open) = if following.is_some() { (behind, 0) } else { (0, behind) };
        verified.push(Verified {
            name: segment.name(),
            bytes: segment.len,
            entries: scan.entries,
            missing: (end - segment.first).saturating_sub(scan.entries),
            damaged_bytes: scan.damaged + damaged,
            open_bytes: open,
        });
    }
    Ok(verified)
}

/// Asks the agent that uses the spool, now or from its next start on, to send again what an output's receiver refused;
/// how many alerts that is.
pub fn request_requeue(dir: &Path, output: &str) -> io::Result<usize> {
    let mut disk = Folder::look(dir.to_owned())?;
    let refused = quarantine::read(&disk, output)?.len();
    if refused > 0 {
        disk.create(&quarantine::request(output), b"")?;
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            log::Limits,
            quarantine::Refused,
            store::{Ack, Pending, Store},
        },
        *,
    };

    fn open(dir: &Path) -> Store<Folder> {
        let folder = Folder::make(dir.to_owned()).unwrap();
        Store::open(folder, Limits { total: 1 << 20, segment: 1 << 10 }, &["siem".to_owned()]).unwrap().0
    }

    fn accept(store: &mut Store<Folder>, count: u8) {
        store.accept((0..count).map(|n| Pending { payload: vec![n; 200], severe: false }));
    }

    #[test]
    fn what_waits_and_what_is_damaged_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        for _ in 0..10 {
            accept(&mut store, 2);
        }
        let batch = store.read(0, 5, 1 << 20).unwrap();
        let counts = Counts { delivered: 5, ..Counts::default() };
        store.ack(0, Ack { position: batch.position, counts, trouble: None });
        let report = status(dir.path()).unwrap();
        assert_eq!((report.first, report.next, report.outputs[0].waiting), (1, 21, 15));
        assert!(report.segments > 1);
        assert!(verify(dir.path()).unwrap().iter().all(|v| v.damaged_bytes + v.missing + v.open_bytes == 0));

        let first = verify(dir.path()).unwrap()[0].name.clone();
        Folder::look(dir.path().to_owned()).unwrap().write_at(&first, 40, b"damage").unwrap();
        let verified = verify(dir.path()).unwrap();
        assert_eq!((verified[0].missing, verified[0].damaged_bytes), (1, 216));
    }

    #[test]
    fn what_was_refused_comes_back_for_that_output_when_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        for n in 0..3 {
            let refused = Refused { refused_at: String::new(), reason: "no".into(), alert: n.into() };
            store.put_aside(0, &refused);
        }
        assert_eq!(request_requeue(dir.path(), "other").unwrap(), 0);
        assert!(store.requeue_requests().unwrap().is_empty());
        assert_eq!(request_requeue(dir.path(), "siem").unwrap(), 3);
        let asked = store.requeue_requests().unwrap();
        assert_eq!(asked, ["siem"]);
        let entry = |refused: &Refused| Ok(refused.alert.to_string().into_bytes());
        assert_eq!(store.requeue(&asked[0], entry).unwrap(), 3);
        let entries = store.read(0, 10, 1 << 20).unwrap().entries;
        assert_eq!(entries.into_iter().map(|(_, payload)| payload).collect::<Vec<_>>(), [b"0", b"1", b"2"]);
        assert_eq!(status(dir.path()).unwrap().outputs[0].put_aside, 0);
        assert!(store.requeue_requests().unwrap().is_empty());
    }
}
