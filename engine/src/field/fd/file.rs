//! The file of an open: its path and what can be said of a path that is not all there.

use nightjar_events::{Kind, event::open};

use crate::{
    event::Event,
    value::{Cut, Text, Value, absolute},
};

const O_DIRECTORY: u64 = 0o200000;
/// `dirfd` of a path that is relative to the working directory.
const AT_FDCWD: i64 = -100;

pub struct File<'e> {
    event: &'e Event,
}

impl<'e> File<'e> {
    pub fn of(event: &'e Event) -> Option<Self> {
        match event.kind() {
            Kind::Open => Some(File { event }),
            Kind::Exec | Kind::Fork | Kind::Exit | Kind::Connect | Kind::ConnectResult => None,
            Kind::CgroupMkdir | Kind::CgroupRmdir => None,
        }
    }

    /// What the kernel opened; what it was asked for when it did not.
    pub fn path(&self) -> Value<'e> {
        match self.event.get(&open::PATH) {
            Value::Text(path) if !self.failed() => Value::Text(path),
            _ => given_path(self.event),
        }
    }

    /// Its descriptor: -1 when the open failed.
    pub fn number(&self) -> Value<'e> {
        if self.failed() { Value::Int(-1) } else { self.event.get(&open::RESULT) }
    }

    fn failed(&self) -> bool {
        matches!(self.event.get(&open::RESULT), Value::Int(n) if n < 0)
    }

    pub fn raw_name(&self) -> Value<'e> {
        let Value::Text(Text { bytes, cut }) = self.event.get(&open::NAME) else { return Value::Absent };
        if !bytes.windows(2).any(|pair| pair == b"//") {
            return Value::Text(Text { bytes, cut });
        }
        let mut bytes = bytes.into_owned();
        bytes.dedup_by(|a, b| *a == b'/' && *b == b'/');
        Value::Text(Text::cut(bytes, cut))
    }

    /// By what it is; by what was asked for when there is nothing.
    pub fn is_directory(&self) -> bool {
        match (self.event.get(&open::FILE_TYPE), self.event.get(&open::FLAGS)) {
            (Value::Text(ty), _) => &*ty.bytes == b"dir",
            (_, Value::Flags(flags, _)) => flags & O_DIRECTORY != 0,
            _ => false,
        }
    }

    pub fn directory(&self) -> Value<'e> {
        let Value::Text(path) = self.path() else { return Value::Absent };
        if self.is_directory() {
            return Value::Text(path);
        }
        match (path.bytes.iter().rposition(|&b| b == b'/'), path.cut) {
            // A slash as the last byte of a cut path: the name behind it is what is missing.
            (Some(0), cut) => Value::Text(Text::cut(&b"/"[..], cut)),
            (Some(slash), cut) => Value::Text(Text::cut(path.bytes[..slash].to_vec(), cut)),
            (None, _) => Value::Absent,
        }
    }

    pub fn file_name(&self) -> Value<'e> {
        let Value::Text(path) = self.path() else { return Value::Absent };
        if self.is_directory() {
            return Value::Absent;
        }
        let begin = path.bytes.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
        let cut = match path.cut {
            // The front is whole again from the last slash on; names are never cut in the middle there.
            Cut::Front | Cut::None => Cut::None,
            Cut::Back => Cut::Back,
        };
        Value::Text(Text::cut(path.bytes[begin..].to_vec(), cut))
    }

    pub fn inode(&self) -> Value<'e> {
        self.event.get(&open::INODE)
    }

    pub fn device(&self) -> Value<'e> {
        self.event.get(&open::DEV)
    }
}

/// The path as it was asked for, made absolute. Links are not followed: that is the kernel's to do.
/// Relative to an unknown directory it is a path whose front is missing.
pub fn given_path(event: &Event) -> Value<'_> {
    let Value::Text(name) = event.get(&open::NAME) else { return Value::Absent };
    if name.bytes.starts_with(b"/") {
        return Value::Text(Text::cut(absolute(&[], &name.bytes), name.cut));
    }
    let relative_to_cwd = matches!(event.get(&open::DIRFD), Value::Int(AT_FDCWD) | Value::Absent);
    match (relative_to_cwd && !event.process.cwd.is_empty(), name.cut) {
        (true, cut) => Value::Text(Text::cut(absolute(&event.process.cwd, &name.bytes), cut)),
        (false, Cut::None | Cut::Front) => Value::Text(Text::cut(normal_relative(&name.bytes), Cut::Front)),
        // Neither end is known.
        (false, Cut::Back) => Value::Absent,
    }
}

/// `value::absolute` without a base: a `..` that leads out of it swallows what is not known.
fn normal_relative(name: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_worked_out_before_rules_see_them() {
        for (base, name, expected) in [
            ("", "/etc/../etc//./shadow", "/etc/shadow"),
            ("/var/www", "../../etc/passwd", "/etc/passwd"),
            ("/", "../../..", "/"),
            ("/srv/", "a/", "/srv/a"),
        ] {
            assert_eq!(absolute(base.as_bytes(), name.as_bytes()), expected.as_bytes());
        }
        assert_eq!(normal_relative(b"../../etc/./passwd"), b"etc/passwd");
    }
}
