//! The frame of a record: header, fixed body, tail. All numbers are in the machine's own byte order.
//!
//! A record is `Header`, then the body of its kind, then a tail that holds the parts of variable length. The body
//! points into the tail with `Span`s. Nothing here trusts the bytes: `Record::decode` checks every length and span.

use core::net::IpAddr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::event::{Body, Kind};

/// Longest argument vector kept, in bytes with its NULs; the rest is marked cut. One less than a power of two, so
/// that a mask bounds it for the verifier.
pub const ARGV_MAX: usize = 16 * 1024 - 1;
/// Longest path kept, in bytes: the kernel's own PATH_MAX (include/uapi/linux/limits.h).
pub const PATH_MAX: usize = 4096;
/// Longest name of one path component (NAME_MAX).
pub const NAME_MAX: usize = 255;
/// Most components of a path that are followed from the file upwards; above that the front is cut.
pub const PATH_DEPTH_MAX: u32 = 128;
/// Length of `task_struct::comm`, with its NUL (TASK_COMM_LEN).
pub const COMM_LEN: usize = 16;
/// Longest tail of any record.
pub const TAIL_MAX: usize = 32 * 1024;

/// What every record begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Header {
    /// Nanoseconds of CLOCK_BOOTTIME when the program ran.
    pub time: u64,
    /// The task's cgroup: the inode number of its directory in the hierarchy chosen at start.
    pub cgroup_id: u64,
    /// `start_boottime` of the thread group's leader, nanoseconds. With `pid` it names a process for ever.
    pub start: u64,
    /// Thread group id in the initial pid namespace.
    pub pid: u32,
    pub tid: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    pub cpu: u32,
    /// Index into `EVENTS`.
    pub kind: u16,
    /// Index into the event's `types`: which of the system calls it was.
    pub variant: u16,
    /// Length of the tail in bytes.
    pub tail_len: u32,
}

/// Where in the tail a part lies, and whether it is all of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Span {
    pub off: u16,
    pub len: u16,
    /// One of `Span::ABSENT`, `WHOLE`, `CUT`, `FAULT`.
    pub state: u16,
    pub reserved: u16,
}

impl Span {
    /// Zero, so that what a hook did not fill reads as absent.
    pub const ABSENT: u16 = 0;
    pub const WHOLE: u16 = 1;
    /// Longer than its limit. A text lost its end, a path its front.
    pub const CUT: u16 = 2;
    /// The memory it was to be read from was not there.
    pub const FAULT: u16 = 3;
}

/// Which end of a value is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cut {
    #[default]
    None,
    Front,
    Back,
}

/// A value as the record holds it: borrowed, not yet made into text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw<'a> {
    Absent,
    Bool(bool),
    Int(i64),
    /// A number of which only this bound is known.
    AtLeast(i64),
    Uint(u64),
    /// Bit set; the names are those of the field's `Type::Flags`.
    Flags(u64),
    Text(&'a [u8], Cut),
    /// NUL-ended strings one after another.
    List(&'a [u8], Cut),
    /// NUL-ended components, the leaf first.
    Path(&'a [u8], Cut),
    Ip(IpAddr),
}

/// A record whose lengths have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub header: &'a Header,
    pub body: &'a Body,
    pub tail: &'a [u8],
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    Short {
        need: usize,
        have: usize,
    },
    UnknownKind(u16),
    UnknownVariant {
        kind: Kind,
        variant: u16,
    },
    TailTooLong(usize),
    /// A span points outside the tail, or its state is no state.
    BadSpan {
        kind: Kind,
        span: Span,
    },
}

impl core::fmt::Display for WireError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            WireError::Short { need, have } => write!(f, "record of {have} bytes, {need} needed"),
            WireError::UnknownKind(kind) => write!(f, "unknown event kind {kind}"),
            WireError::UnknownVariant { kind, variant } => {
                write!(f, "{} has no variant {variant}", kind.name())
            }
            WireError::TailTooLong(len) => write!(f, "tail of {len} bytes, at most {TAIL_MAX} allowed"),
            WireError::BadSpan { kind, span } => {
                write!(f, "{} has a span outside its tail: {span:?}", kind.name())
            }
        }
    }
}

impl core::error::Error for WireError {}

/// Splits bytes into header, body and tail. The tail is what the header says; padding after it is ignored.
pub fn decode(bytes: &[u8]) -> Result<(Header, Body, &[u8]), WireError> {
    let short = |need| WireError::Short { need, have: bytes.len() };
    let (header, rest) = Header::read_from_prefix(bytes).map_err(|_| short(size_of::<Header>()))?;
    let kind = Kind::from_wire(header.kind).ok_or(WireError::UnknownKind(header.kind))?;
    if usize::from(header.variant) >= kind.event().types.len() {
        return Err(WireError::UnknownVariant { kind, variant: header.variant });
    }
    let (body, rest) = Body::read(kind, rest).ok_or(short(size_of::<Header>() + kind.body_size()))?;
    let tail_len = header.tail_len as usize;
    if tail_len > TAIL_MAX {
        return Err(WireError::TailTooLong(tail_len));
    }
    let tail = rest.get(..tail_len).ok_or(short(bytes.len() - rest.len() + tail_len))?;
    for span in body.spans() {
        let end = usize::from(span.off) + usize::from(span.len);
        if span.state > Span::FAULT || end > tail.len() {
            return Err(WireError::BadSpan { kind, span: *span });
        }
    }
    Ok((header, body, tail))
}

impl<'a> Record<'a> {
    /// The bytes of a span; `None` when it is absent or could not be read.
    fn span(&self, span: &Span) -> Option<(&'a [u8], bool)> {
        let bytes = self.tail.get(usize::from(span.off)..usize::from(span.off) + usize::from(span.len))?;
        match span.state {
            Span::WHOLE => Some((bytes, false)),
            Span::CUT => Some((bytes, true)),
            _ => None,
        }
    }

    pub fn text(&self, span: &Span) -> Raw<'a> {
        self.span(span).map_or(Raw::Absent, |(b, cut)| Raw::Text(b, back(cut)))
    }

    pub fn list(&self, span: &Span) -> Raw<'a> {
        self.span(span).map_or(Raw::Absent, |(b, cut)| Raw::List(b, back(cut)))
    }

    pub fn path(&self, span: &Span) -> Raw<'a> {
        let front = |cut| if cut { Cut::Front } else { Cut::None };
        self.span(span).map_or(Raw::Absent, |(b, cut)| Raw::Path(b, front(cut)))
    }
}

fn back(cut: bool) -> Cut {
    if cut { Cut::Back } else { Cut::None }
}

/// A NUL-padded name such as `comm`, without its padding.
pub fn comm(name: &[u8; COMM_LEN]) -> Raw<'_> {
    let len = name.iter().position(|&b| b == 0).unwrap_or(COMM_LEN);
    Raw::Text(&name[..len], Cut::None)
}

/// Writes the components of a `Raw::Path` root first, with a slash before each, to the end of `out`.
/// Returns what was written: `/` for no component; without the leading slash when the front is cut.
/// `out` must hold `parts.len() + 1` bytes; a shorter one gives `None`.
pub fn join_path<'o>(parts: &[u8], cut: Cut, out: &'o mut [u8]) -> Option<&'o [u8]> {
    let mut at = 0;
    let parts = parts.strip_suffix(&[0]).unwrap_or(parts);
    if parts.is_empty() {
        *out.get_mut(0)? = b'/';
        return out.get(..1);
    }
    for part in parts.rsplit(|&b| b == 0) {
        if at > 0 || cut != Cut::Front {
            *out.get_mut(at)? = b'/';
            at += 1;
        }
        out.get_mut(at..at + part.len())?.copy_from_slice(part);
        at += part.len();
    }
    out.get(..at)
}
