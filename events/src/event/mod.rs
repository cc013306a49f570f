//! The list of events. A new one is a file here and a line below.

pub mod accept;
pub mod bind;
pub mod bpf;
pub mod call;
pub mod capset;
pub mod cgroup_attach;
pub mod cgroup_mkdir;
pub mod cgroup_rmdir;
pub mod chmod;
pub mod chown;
pub mod connect;
pub mod connect_result;
pub mod dup;
pub mod endpoint;
pub mod exec;
pub mod exit;
pub mod fork;
pub mod fsmount;
pub mod kill;
pub mod link;
pub mod listen;
pub mod memfd_create;
pub mod mkdir;
pub mod mknod;
pub mod mmap;
pub mod module;
pub mod mount;
pub mod mprotect;
pub mod open;
pub mod perf_event_open;
pub mod prctl;
pub mod process_vm;
pub mod ptrace;
pub mod receive;
pub mod rename;
pub mod send;
pub mod setns;
pub mod setuid;
pub mod setxattr;
pub mod socket;
pub mod symlink;
pub mod truncate;
pub mod unlink;
pub mod unshare;
pub mod userfaultfd;

use zerocopy::FromBytes;

use crate::{
    schema::{Event, Lane},
    wire::Span,
};

/// The fixed body of one event's records.
pub trait Page: Sized {
    const KIND: Kind;
    const LANE: Lane;
    /// The body, when it is this one.
    fn of(body: &Body) -> Option<&Self>;
    /// Every span of the body; each is checked when a record is decoded.
    fn spans(&self) -> &[Span] {
        &[]
    }
}

/// Numbers are the wire's: they never change meaning.
macro_rules! events {
    ($($id:literal $kind:ident $module:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Kind { $($kind = $id),* }

        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Body { $($kind($module::$kind)),* }

        /// The type of every body, without one of them: the object's type information has those that a global holds.
        #[repr(C)]
        pub struct Bodies { $(pub $module: [$module::$kind; 0]),* }

        impl Bodies { pub const NONE: Bodies = Bodies { $($module: []),* }; }

        /// Every event, by `Kind`.
        pub static EVENTS: &[&Event] = &[$(&$module::EVENT),*];

        impl Kind {
            pub const COUNT: usize = EVENTS.len();

            pub fn from_wire(number: u16) -> Option<Kind> {
                match number { $($id => Some(Kind::$kind),)* _ => None }
            }

            /// Bytes of the fixed body.
            pub const fn body_size(self) -> usize {
                match self { $(Kind::$kind => size_of::<$module::$kind>()),* }
            }
        }

        impl Body {
            /// Reads the body of a kind off the front of `bytes`; gives what follows.
            pub fn read(kind: Kind, bytes: &[u8]) -> Option<(Body, &[u8])> {
                match kind { $(Kind::$kind => {
                    let (body, rest) = $module::$kind::read_from_prefix(bytes).ok()?;
                    Some((Body::$kind(body), rest))
                })* }
            }

            pub fn kind(&self) -> Kind {
                match self { $(Body::$kind(_) => Kind::$kind),* }
            }

            pub fn spans(&self) -> &[Span] {
                match self { $(Body::$kind(body) => body.spans()),* }
            }
        }
    };
}

events! {
    0 Exec exec
    1 Fork fork
    2 Exit exit
    3 Open open
    4 Connect connect
    5 ConnectResult connect_result
    6 CgroupMkdir cgroup_mkdir
    7 CgroupRmdir cgroup_rmdir
    8 Unlink unlink
    9 Rename rename
    10 Link link
    11 Symlink symlink
    12 Mkdir mkdir
    13 Mknod mknod
    14 Chmod chmod
    15 Chown chown
    16 Mount mount
    17 Setuid setuid
    18 Capset capset
    19 Unshare unshare
    20 Setns setns
    21 Prctl prctl
    22 Ptrace ptrace
    23 ProcessVm process_vm
    24 Kill kill
    25 Module module
    26 Bpf bpf
    27 MemfdCreate memfd_create
    28 Userfaultfd userfaultfd
    29 SocketCall socket
    30 Dup dup
    31 Bind bind
    32 Listen listen
    33 Accept accept
    34 Send send
    35 Receive receive
    36 Setxattr setxattr
    37 Mprotect mprotect
    38 Mmap mmap
    39 Fsmount fsmount
    40 PerfEventOpen perf_event_open
    41 CgroupAttach cgroup_attach
    42 Truncate truncate
}

/// Events that the process tree and the containers hang on. They come whatever the rules ask for and whoever is watched.
pub const IDENTITY_KINDS: [Kind; 5] =
    [Kind::Exec, Kind::Fork, Kind::Exit, Kind::CgroupMkdir, Kind::CgroupRmdir];

impl Kind {
    pub const fn is_for_identity(self) -> bool {
        let mut n = 0;
        while n < IDENTITY_KINDS.len() {
            if IDENTITY_KINDS[n] as u16 == self as u16 {
                return true;
            }
            n += 1;
        }
        false
    }

    pub fn event(self) -> &'static Event {
        EVENTS[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.event().name
    }
}
