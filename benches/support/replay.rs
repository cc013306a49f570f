//! Records as a busy node's kernel side would write them: a service starts short jobs, each of which opens files and
//! connects. Half of the jobs run in a container. Seven records of ten are opens.

use std::{net::Ipv4Addr, os::unix::fs::symlink, path::Path};

use bytes::{Bytes, BytesMut};
use nightjar::{
    identity::{Clock, Hierarchy, Identity, Limits, Sources},
    intake::Intake,
};
use nightjar_engine::Event;
use nightjar_events::{
    Header, Span,
    event::{
        Page,
        cgroup_mkdir::CgroupMkdir,
        connect::{AF_INET, Connect, Socket},
        exec::Exec,
        exit::Exit,
        fork::Fork,
        open::Open,
    },
    wire::COMM_LEN,
};
use tempfile::TempDir;
use zerocopy::{Immutable, IntoBytes};

/// Program, arguments.
const JOBS: [(&str, &[&str]); 4] = [
    ("/usr/bin/ls", &["ls", "-la", "/srv/app"]),
    ("/usr/bin/python3.11", &["python3", "/srv/app/job.py", "--queue", "default"]),
    ("/usr/bin/grep", &["grep", "-c", "error", "/var/log/app/current.log"]),
    ("/usr/lib/jvm/bin/java", &["java", "-Xmx64m", "-jar", "/srv/app/service.jar"]),
];
/// Path, flags.
const FILES: [(&str, u32); 12] = [
    ("/etc/ld.so.cache", CLOEXEC),
    ("/usr/lib/x86_64-linux-gnu/libc.so.6", CLOEXEC),
    ("/usr/lib/x86_64-linux-gnu/libselinux.so.1", CLOEXEC),
    ("/usr/lib/locale/locale-archive", CLOEXEC),
    ("/proc/self/status", 0),
    ("/etc/hosts", CLOEXEC),
    ("/etc/resolv.conf", CLOEXEC),
    ("/srv/app/config/settings.json", 0),
    ("/srv/app/data/part-000017", 0),
    ("/var/log/app/current.log", WRONLY | APPEND),
    ("/tmp/app-work-000391", WRONLY | CREAT),
    ("/dev/null", WRONLY),
];
const WRONLY: u32 = 0o1;
const CREAT: u32 = 0o100;
const APPEND: u32 = 0o2000;
const CLOEXEC: u32 = 0o2000000;

/// The cgroup of the host, and that of the container.
const HOST: u64 = 1;
const CONTAINER: u64 = u64::MAX - 7;
const CONTAINER_PATH: &str = "/docker/5e9044882db8fabb499bd438b0a6291dce9465a5e7d08acc47e918aaae1af3b0";

const SERVICE: u32 = 400;
const FIRST_JOB: u32 = 1000;
/// Pids are used again after so many jobs.
const PIDS: u32 = 256;
/// Nanoseconds between two records.
const PACE: u64 = 1_000;

/// Writes records, for ever.
pub struct Replay {
    time: u64,
    jobs: u32,
}

impl Default for Replay {
    fn default() -> Self {
        Replay { time: 1_000_000_000, jobs: 0 }
    }
}

impl Replay {
    /// The next records, at least so many. As from the ring, each is a part of one buffer.
    pub fn next(&mut self, count: usize) -> Vec<Bytes> {
        let mut out = Batch::default();
        if self.jobs == 0 {
            self.begin(&mut out);
        }
        while out.records.len() < count {
            self.job(&mut out);
        }
        out.records
    }

    fn header(&mut self, pid: u32, start: u64, cgroup_id: u64) -> Header {
        self.time += PACE;
        Header { time: self.time, cgroup_id, start, pid, tid: pid, ..Header::default() }
    }

    fn begin(&mut self, out: &mut Batch) {
        let header = self.header(1, 1, HOST);
        out.push(header, |tail| CgroupMkdir { spans: [tail.put(CONTAINER_PATH.as_bytes())], id: CONTAINER });
        let header = self.header(SERVICE, 1, HOST);
        out.push(header, |tail| exec("/usr/sbin/serviced", &["serviced", "--foreground"], 1, tail));
    }

    fn job(&mut self, out: &mut Batch) {
        let (program, args) = JOBS[self.jobs as usize % JOBS.len()];
        let pid = FIRST_JOB + self.jobs % PIDS;
        let cgroup = if self.jobs.is_multiple_of(2) { HOST } else { CONTAINER };
        self.jobs += 1;
        let header = self.header(SERVICE, 1, HOST);
        let start = header.time;
        let fork = Fork {
            child_start: start,
            child_cgroup: cgroup,
            child_pid: pid,
            child_vpid: pid,
            comm: comm("serviced"),
            ..Fork::default()
        };
        out.push(header, |_| fork);
        let header = self.header(pid, start, cgroup);
        out.push(header, |tail| exec(program, args, SERVICE, tail));
        for (path, flags) in FILES {
            let header = Header { variant: OPENAT, ..self.header(pid, start, cgroup) };
            out.push(header, |tail| Open {
                spans: [tail.path(path), tail.put(path.as_bytes())],
                inode: 4711,
                result: 3,
                dirfd: -100,
                flags,
                file_mode: 0o100644,
                ..Open::default()
            });
        }
        for port in [5432, 8080] {
            let header = self.header(pid, start, cgroup);
            out.push(header, |tail| connect(port, tail));
        }
        let header = self.header(pid, start, cgroup);
        out.push(header, |_| Exit { comm: comm("job"), ..Exit::default() });
    }
}

/// `openat` among the types of an open.
const OPENAT: u16 = 1;

fn exec(program: &str, args: &[&str], parent: u32, tail: &mut Tail) -> Exec {
    let args: Vec<u8> = args.iter().flat_map(|arg| [arg.as_bytes(), &[0]].concat()).collect();
    Exec {
        spans: [tail.put(&args), tail.path(program), tail.path("/srv/app"), tail.put(program.as_bytes())],
        ppid: parent,
        parent_start: 1,
        argc: 3,
        loginuid: u32::MAX,
        comm: comm(program.rsplit('/').next().unwrap_or(program)),
        ..Exec::default()
    }
}

fn connect(port: u16, tail: &mut Tail) -> Connect {
    let address = |ip: Ipv4Addr| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&ip.octets());
        bytes
    };
    Connect {
        spans: [tail.put(&[])],
        socket: Socket {
            source: address(Ipv4Addr::new(10, 1, 0, 17)),
            destination: address(Ipv4Addr::new(10, 1, 0, 99)),
            family: AF_INET,
            sock_type: 1,
            protocol: 6,
            source_port: 41_000,
            destination_port: port,
            ..Socket::default()
        },
        result: 0,
        fd: 4,
    }
}

fn comm(name: &str) -> [u8; COMM_LEN] {
    let mut comm = [0; COMM_LEN];
    let len = name.len().min(COMM_LEN - 1);
    comm[..len].copy_from_slice(&name.as_bytes()[..len]);
    comm
}

#[derive(Default)]
struct Batch {
    buffer: BytesMut,
    records: Vec<Bytes>,
}

#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn put(&mut self, bytes: &[u8]) -> Span {
        let at = |n: usize| u16::try_from(n).expect("a replayed tail is short");
        let span = Span { off: at(self.0.len()), len: at(bytes.len()), state: Span::WHOLE, reserved: 0 };
        self.0.extend_from_slice(bytes);
        span
    }

    /// Leaf first.
    fn path(&mut self, path: &str) -> Span {
        let parts = path.rsplit('/').filter(|part| !part.is_empty());
        self.put(&parts.flat_map(|part| [part.as_bytes(), &[0]].concat()).collect::<Vec<u8>>())
    }
}

impl Batch {
    fn push<B: Page + IntoBytes + Immutable>(&mut self, header: Header, body: impl FnOnce(&mut Tail) -> B) {
        let mut tail = Tail::default();
        let body = body(&mut tail);
        let tail_len = u32::try_from(tail.0.len()).expect("a replayed tail is short");
        let header = Header { kind: B::KIND as u16, tail_len, ..header };
        for part in [header.as_bytes(), body.as_bytes(), &tail.0] {
            self.buffer.extend_from_slice(part);
        }
        self.records.push(self.buffer.split().freeze());
    }
}

/// Decodes and attributes, as the agent does between ring and rules.
pub struct Desk {
    identity: Identity,
    /// Stands in for /proc, in which the replayed processes are not.
    _proc: TempDir,
}

impl Default for Desk {
    fn default() -> Self {
        let proc = tempfile::tempdir().expect("a folder");
        let one = proc.path().join("one");
        std::fs::create_dir_all(one.join("root/etc")).expect("a folder");
        let link = |from: &Path, to: &Path| symlink(from, to).expect("a link");
        link(Path::new("/proc/self/mountinfo"), &one.join("mountinfo"));
        for pid in FIRST_JOB..FIRST_JOB + PIDS {
            link(&one, &proc.path().join(pid.to_string()));
        }
        let hierarchy = Hierarchy::detect(Path::new("/")).expect("a cgroup hierarchy");
        let sources = Sources { proc: proc.path().to_owned(), ..Sources::default() };
        let identity = Identity::with_sources(&hierarchy, Clock::started_at(0), Limits::default(), sources)
            .expect("the cgroup hierarchy can be opened");
        Desk { identity, _proc: proc }
    }
}

impl Desk {
    pub fn event(&mut self, bytes: &Bytes) -> Event {
        let Intake { header, body, tail } = Intake::decode(bytes).expect("a replayed record is well formed");
        self.identity.observe(header, body, tail)
    }
}
