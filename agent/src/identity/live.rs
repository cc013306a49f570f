use super::*;
use std::os::unix::fs::MetadataExt;
#[test]
fn live() {
    let pids = std::env::var("LIVE_PIDS").unwrap();
    let h = Hierarchy::detect(std::path::Path::new("/")).unwrap();
    eprintln!("{h:?}");
    let mut places = Places::default();
    places.containerd.push("/tmp/idlab/cd/state".into());
    let mut id = Identity::with_sources(
        &h,
        Clock::read(),
        Limits::default(),
        Sources { places, ..Sources::default() },
    )
    .unwrap();
    let t = std::time::Instant::now();
    id.seed().unwrap();
    eprintln!("seed {:?} {:?}", t.elapsed(), id.stats());
    for pid in pids.split_whitespace() {
        let pid: u32 = pid.parse().unwrap();
        let cg = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let path = cg
            .lines()
            .find_map(|l| l.split_once(&format!(":{}:", h.controller.as_deref().unwrap_or(""))))
            .unwrap()
            .1
            .to_owned();
        let ino = std::fs::metadata(format!("{}{path}", h.mount.display())).unwrap().ino();
        let start = id.proc.read(pid, Clock::read()).unwrap().start;
        let header =
            Header { time: clock::boottime(), cgroup_id: ino, pid, start, kind: 3, ..Header::default() };
        let body = Body::Open(Default::default());
        let e = id.observe(header, body, Bytes::new());
        eprintln!(
            "{:#?}\n{:?}\n{:?}",
            e.container,
            e.process.user,
            e.lineage().map(|p| String::from_utf8_lossy(&p.comm).into_owned()).collect::<Vec<_>>()
        );
        let t = std::time::Instant::now();
        for _ in 0..1_000_000 {
            std::hint::black_box(id.observe(header, body, Bytes::new()));
        }
        eprintln!("1M events {:?} {:?}", t.elapsed(), id.stats());
    }
}
