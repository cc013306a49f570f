//! Events for tests, made of the bytes that the kernel side would send.

use std::sync::Arc;

use bytes::Bytes;
use nightjar_events::{
    Header, Kind, Span,
    event::{connect::*, connect_result::ConnectResult, exec::*, exit::Exit, fork::Fork, open::Open},
    wire,
};
use zerocopy::IntoBytes;

use super::{Case, Container, Event, Mount, Payload, Process};

/// A tail that grows, and the span of what was last put into it.
#[derive(Default)]
pub struct Tail(pub Vec<u8>);

impl Tail {
    pub fn put(&mut self, bytes: &[u8], state: u16) -> Span {
        let fit = |n: usize| u16::try_from(n).expect("a sample's tail is short");
        let span = Span { off: fit(self.0.len()), len: fit(bytes.len()), state, reserved: 0 };
        self.0.extend_from_slice(bytes);
        span
    }

    /// A path, leaf first.
    pub fn path(&mut self, path: &str, state: u16) -> Span {
        let parts: Vec<u8> = path
            .rsplit('/')
            .filter(|part| !part.is_empty())
            .flat_map(|part| [part.as_bytes(), &[0]].concat())
            .collect();
        self.put(&parts, state)
    }

    pub fn list(&mut self, list: &[&str], state: u16) -> Span {
        let all: Vec<u8> = list.iter().flat_map(|text| [text.as_bytes(), &[0]].concat()).collect();
        self.put(&all, state)
    }
}

pub fn comm(name: &str) -> [u8; wire::COMM_LEN] {
    let mut comm = [0; wire::COMM_LEN];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    comm
}

/// Goes through the bytes, as a record from the ring does.
pub fn record(kind: Kind, variant: u16, body: &[u8], tail: &Tail) -> Payload {
    let tail_len = u32::try_from(tail.0.len()).expect("a sample's tail is short");
    // The process of the sample, nine nanoseconds after its start.
    let header = Header { time: 14, start: 5, kind: kind as u16, variant, tail_len, ..Header::default() };
    let bytes = [header.as_bytes(), body, &tail.0].concat();
    let (header, body, tail) = wire::decode(&bytes).expect("a sample is a record");
    Payload::Record { header, body: Box::new(body), tail: Bytes::copy_from_slice(tail) }
}

pub fn event(payload: Payload, process: Process, container: Option<Container>) -> Event {
    Event {
        time: 1_767_225_600_000_000_001,
        number: 7,
        tid: process.pid,
        cpu: 1,
        cgroup_id: 99,
        payload,
        process: Arc::new(process),
        container: container.map(Arc::new),
        unplaced: false,
    }
}

pub fn case(yaml: &str) -> Event {
    serde_saphyr::from_str::<Case>(yaml).expect("a case").into_event().expect("an event")
}

/// nginx, its worker, the shell the worker started, and what that runs.
pub fn process() -> Process {
    let nginx = Process {
        pid: 100,
        ppid: 1,
        vpid: 1,
        pgid: 100,
        vpgid: 1,
        sid: 100,
        comm: b"nginx".to_vec(),
        exe_path: b"/usr/sbin/nginx".to_vec(),
        args: vec![b"nginx: master process".to_vec()],
        start_time: 1_767_225_500_000_000_000,
        ..Process::default()
    };
    let shell = Process {
        pid: 200,
        ppid: 100,
        vpid: 20,
        pgid: 200,
        vpgid: 20,
        sid: 100,
        comm: b"sh".to_vec(),
        exe_path: b"/bin/dash".to_vec(),
        args: [&b"sh"[..], b"-c", b"id; cat /etc/shadow"].map(<[u8]>::to_vec).to_vec(),
        start_time: 1_767_225_598_000_000_000,
        parent: Some(Arc::new(nginx)),
        ..Process::default()
    };
    Process {
        pid: 201,
        start: 5,
        start_time: 1_767_225_599_000_000_001,
        ppid: 200,
        vpid: 21,
        pgid: 200,
        vpgid: 20,
        sid: 100,
        tty: 34816,
        comm: b"cat".to_vec(),
        exe_path: b"/bin/cat".to_vec(),
        args: [&b"cat"[..], b"/etc/shadow"].map(<[u8]>::to_vec).to_vec(),
        cwd: b"/var/www".to_vec(),
        uid: 33,
        euid: 0,
        egid: 42,
        user: Some("root".to_owned()),
        group: Some("shadow".to_owned()),
        loginuid: None,
        cap_effective: 1 << 21 | 1 << 1,
        exe_inode: 12,
        exe_mtime: 1_767_000_000_000_000_000,
        exe_ctime: 1_767_225_599_000_000_000,
        exe_upper_layer: true,
        parent: Some(Arc::new(shell)),
        ..Process::default()
    }
}

pub fn container() -> Container {
    Container {
        id: "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012".to_owned(),
        runtime: "containerd".to_owned(),
        name: "web".to_owned(),
        image: "docker.io/library/nginx:1.25".to_owned(),
        image_digest: "sha256:abcd".to_owned(),
        privileged: Some(false),
        labels: [("app".to_owned(), "web".to_owned())].into(),
        mounts: vec![
            Mount {
                source: "/proc/sys".to_owned(),
                dest: "/host/proc".to_owned(),
                rw: true,
                ..Mount::default()
            },
            Mount {
                source: "/etc".to_owned(),
                dest: "/host/etc".to_owned(),
                mode: "ro".to_owned(),
                ..Mount::default()
            },
        ],
        start_time: 1_767_225_590_000_000_001,
        pod_name: "web-0".to_owned(),
        pod_namespace: "shop".to_owned(),
        ip: "10.0.0.7".into(),
        host_pid: Some(false),
        host_network: Some(true),
        host_ipc: Some(false),
        pod_sandbox: "5a4d0b0c9a7d5e60f1a2".into(),
        pod_labels: [("app".to_owned(), "web".to_owned())].into(),
        ..Container::default()
    }
}

pub fn exec() -> Payload {
    let mut tail = Tail::default();
    let p = process();
    let spans = [
        tail.list(&["cat", "/etc/shadow"], Span::WHOLE),
        tail.path("/bin/cat", Span::WHOLE),
        tail.path("/var/www", Span::WHOLE),
        tail.put(b"/bin/cat", Span::WHOLE),
    ];
    let exec = Exec {
        spans,
        cap_effective: p.cap_effective,
        exe_inode: 12,
        exe_mtime: p.exe_mtime,
        exe_ctime: p.exe_ctime,
        ppid: 200,
        vpid: 21,
        pgid: 200,
        vpgid: 20,
        sid: 100,
        tty: 34816,
        loginuid: u32::MAX,
        uid: 33,
        egid: 42,
        argc: 2,
        flags: EXE_UPPER_LAYER,
        comm: comm("cat"),
        comm_before: comm("sh"),
        ..Exec::default()
    };
    record(Kind::Exec, 0, exec.as_bytes(), &tail)
}

pub fn open(change: impl FnOnce(&mut Open, &mut Tail)) -> Payload {
    let mut tail = Tail::default();
    let spans = [tail.path("/etc/shadow", Span::WHOLE), tail.put(b"/etc/shadow", Span::WHOLE)];
    let mut open = Open {
        spans,
        inode: 77,
        result: 3,
        dirfd: -100,
        flags: 0o2000000,
        dev: 8 << 20 | 300,
        file_mode: 0o100640,
        ..Open::default()
    };
    change(&mut open, &mut tail);
    record(Kind::Open, 1, open.as_bytes(), &tail)
}

pub fn failed_open(name: &[u8], dirfd: i32) -> Payload {
    open(|open, tail| {
        tail.0.clear();
        open.spans = [Span::default(), tail.put(name, Span::WHOLE)];
        (open.result, open.dirfd) = (-13, dirfd);
    })
}

pub fn socket() -> Socket {
    let mut socket = Socket {
        family: AF_INET,
        sock_type: 1,
        protocol: 6,
        source_port: 3456,
        destination_port: 443,
        ..Socket::default()
    };
    socket.source[..4].copy_from_slice(&[10, 0, 0, 1]);
    socket.destination[..4].copy_from_slice(&[1, 2, 3, 4]);
    socket
}

pub fn connect(change: impl FnOnce(&mut Connect, &mut Tail)) -> Payload {
    let mut tail = Tail::default();
    let mut connect = Connect { spans: [Span::default()], socket: socket(), result: 0, fd: 5 };
    change(&mut connect, &mut tail);
    record(Kind::Connect, 0, connect.as_bytes(), &tail)
}

pub fn connect_result(result: i32) -> Payload {
    let page = ConnectResult { socket: socket(), elapsed: 1000, result, fd: 5 };
    record(Kind::ConnectResult, 0, page.as_bytes(), &Tail::default())
}

pub fn exit(status: u32) -> Payload {
    let page = Exit { status, reserved: 0, comm: comm("cat") };
    record(Kind::Exit, 0, page.as_bytes(), &Tail::default())
}

pub fn fork() -> Payload {
    let page =
        Fork { child_pid: 202, child_vpid: 22, clone_flags: 0x4111, comm: comm("cat"), ..Fork::default() };
    record(Kind::Fork, 0, page.as_bytes(), &Tail::default())
}
