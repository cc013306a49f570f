//! What the pages of plain system calls share: a record that holds the call's arguments as they were given and what it
//! returned, and the hooks where the call ends.
//!
//! Which argument means what is up to the page; where calls of one page differ, it says so by variant.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Page;
use crate::{
    schema::{Bit, bit},
    wire::{Raw, Record, Span},
};

/// The body of such a page.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct Call {
    /// Texts that the caller pointed to, and what the kernel has to them: see `NAME`.
    pub spans: [Span; 4],
    pub args: [u64; 6],
    pub result: i64,
}

/// Indices into `Call::spans`: a name as it was given; the directory that it begins at, or the file of a descriptor;
/// the same of a second one.
pub const NAME: usize = 0;
pub const DIR: usize = 1;
pub const NAME_2: usize = 2;
pub const DIR_2: usize = 3;

/// A page with this body, or with one that begins with it.
pub trait CallPage: Page {
    fn call(&self) -> &Call;
}

/// What a page of calls can have for its body.
pub trait CallBody {
    fn call(&self) -> &Call;
}

impl CallBody for Call {
    fn call(&self) -> &Call {
        self
    }
}

/// No position: the call of this variant has no such argument.
pub const NO: usize = 6;

impl Record<'_> {
    /// The argument that stands at a position that depends on the variant; of one position alone it does not.
    fn arg<P: CallPage>(&self, at: &[usize]) -> Option<u64> {
        let at = at.get(usize::from(self.header.variant)).or(at.last())?;
        P::of(self.body)?.call().args.get(*at).copied()
    }
}

/// An argument that is a C `int`.
pub fn int<'a, P: CallPage>(r: &Record<'a>, at: &[usize]) -> Raw<'a> {
    r.arg::<P>(at).map_or(Raw::Absent, |n| Raw::Int((n as i32).into()))
}

/// An argument that is an `unsigned int`.
pub fn uint<'a, P: CallPage>(r: &Record<'a>, at: &[usize]) -> Raw<'a> {
    r.arg::<P>(at).map_or(Raw::Absent, |n| Raw::Uint((n as u32).into()))
}

/// An argument that fills its register.
pub fn long<'a, P: CallPage>(r: &Record<'a>, at: &[usize]) -> Raw<'a> {
    r.arg::<P>(at).map_or(Raw::Absent, Raw::Uint)
}

pub fn flags<'a, P: CallPage>(r: &Record<'a>, at: &[usize]) -> Raw<'a> {
    r.arg::<P>(at).map_or(Raw::Absent, |n| Raw::Flags((n as u32).into()))
}

/// A set of more than 32 bits.
pub fn wide_flags<'a, P: CallPage>(r: &Record<'a>, at: &[usize]) -> Raw<'a> {
    r.arg::<P>(at).map_or(Raw::Absent, Raw::Flags)
}

/// Id of a user or a group; -1 is one that is to stay as it is.
pub fn id<'a, P: CallPage>(r: &Record<'a>, at: &[usize]) -> Raw<'a> {
    let id = |n: u64| if n as u32 == u32::MAX { -1 } else { i64::from(n as u32) };
    r.arg::<P>(at).map_or(Raw::Absent, |n| Raw::Int(id(n)))
}

/// File mode bits: a `umode_t`.
pub fn mode<'a, P: CallPage>(r: &Record<'a>, at: &[usize]) -> Raw<'a> {
    r.arg::<P>(at).map_or(Raw::Absent, |n| Raw::Uint(n & 0o7777))
}

pub fn result<'a, P: CallPage + 'static>(r: &Record<'a>) -> Raw<'a> {
    r.of(|page: &P| Raw::Int(page.call().result))
}

/// A text that the caller pointed to.
pub fn text<'a, P: CallPage + 'static>(r: &Record<'a>, span: usize) -> Raw<'a> {
    r.of(|page: &P| page.call().spans.get(span).map_or(Raw::Absent, |span| r.text(span)))
}

/// A path from the kernel's objects.
pub fn path<'a, P: CallPage + 'static>(r: &Record<'a>, span: usize) -> Raw<'a> {
    r.of(|page: &P| page.call().spans.get(span).map_or(Raw::Absent, |span| r.path(span)))
}

/// What the rows that many pages have say of themselves.
pub const RESULT_DOC: &str = "What the call returned: 0, or a negated errno.";
pub const GIVEN_DOC: &str =
    "As the caller gave it, from user memory after the call, where another thread can change it in between.";
pub const DIR_DOC: &str = "Directory that the path begins at where it is relative, from the kernel; of a call that takes a descriptor, what that is open on.";
pub const DIRFD_DOC: &str = "Directory descriptor, -100 (AT_FDCWD) for the working directory.";

/// include/uapi/linux/fcntl.h, 6.18: where path and descriptor are looked up.
pub const AT_FLAGS: &[Bit] = &[
    bit("AT_SYMLINK_NOFOLLOW", 0x100),
    bit("AT_SYMLINK_FOLLOW", 0x400),
    bit("AT_NO_AUTOMOUNT", 0x800),
    bit("AT_EMPTY_PATH", 0x1000),
];

/// Makes a page of calls: the body of its records under the page's name, its `TYPES`, and its `HOOKS`. Calls stand in
/// the order of their variants, one whose function in the kernel is called otherwise as `(call function)`.
macro_rules! page {
    ($name:literal $kind:ident($body:ty): $(($call:ident $function:ident))*) => {
        #[repr(transparent)]
        #[derive(
            Clone, Copy, Debug, Default, PartialEq,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout, zerocopy::Immutable,
        )]
        pub struct $kind(pub $body);

        impl $crate::event::Page for $kind {
            const KIND: $crate::event::Kind = $crate::event::Kind::$kind;
            const LANE: $crate::schema::Lane = $crate::schema::Lane::Bulk;
            fn of(body: &$crate::event::Body) -> Option<&Self> {
                if let $crate::event::Body::$kind(page) = body { Some(page) } else { None }
            }
            fn spans(&self) -> &[$crate::wire::Span] {
                &$crate::event::call::CallBody::call(&self.0).spans
            }
        }

        impl $crate::event::call::CallPage for $kind {
            fn call(&self) -> &$crate::event::call::Call {
                $crate::event::call::CallBody::call(&self.0)
            }
        }

        /// The calls, by variant.
        const TYPES: &[&str] = &[$(stringify!($call)),*];
        const _: () = assert!(TYPES.len() <= $crate::control::VARIANTS_MAX);

        /// Where they end: at the exit of the functions that the table of system calls names, one program each, or of
        /// the system calls themselves, by one program.
        const HOOKS: &[$crate::schema::Hook] = &[
            $crate::schema::Hook {
                family: $crate::schema::Family::Fentry,
                since: (5, 10),
                points: &[$($crate::schema::Point {
                    program: concat!(stringify!($call), "_returned"),
                    targets: &[
                        concat!("__x64_sys_", stringify!($function)),
                        concat!("__arm64_sys_", stringify!($function)),
                    ],
                }),*],
            },
            $crate::schema::Hook {
                family: $crate::schema::Family::SyscallTracepoint,
                since: (5, 10),
                points: &[$($crate::schema::Point {
                    program: concat!($name, "_exit"),
                    targets: &[concat!("syscalls/sys_exit_", stringify!($function))],
                }),*],
            },
        ];

        const fn row(
            name: &'static str,
            ty: $crate::schema::Type,
            doc: &'static str,
            get: $crate::schema::Get,
        ) -> $crate::schema::Field {
            $crate::schema::Field { kind: $crate::event::Kind::$kind, name, ty, ecs: None, doc, get }
        }
    };
    ($name:literal $kind:ident: $(($call:ident $function:ident))*) => {
        $crate::event::call::page!($name $kind($crate::event::call::Call): $(($call $function))*);
    };
    ($name:literal $kind:ident: $($call:ident)*) => {
        $crate::event::call::page!($name $kind: $(($call $call))*);
    };
}
pub(crate) use page;
