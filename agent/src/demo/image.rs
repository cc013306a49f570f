//! What a demo container is made of: programs that the host has. Nothing is downloaded.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Image {
    /// The host's own `/usr` and what belongs to it, mounted read-only. Never its `/etc`, `/home` or `/var`.
    Host,
    /// One static busybox, copied in; nothing of the host can be seen.
    Busybox(PathBuf),
}

/// Top-level directories with programs and libraries: links where the host has merged them into `/usr`.
pub(super) const PROGRAM_DIRS: &[&str] = &["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

const BUSYBOXES: &[&str] =
    &["/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static", "/sbin/busybox", "/usr/lib/busybox/busybox"];

impl Image {
    /// The host's programs where it has a bash: its `/dev/tcp` is the reverse shell seen in the wild. Otherwise a
    /// static busybox.
    pub fn choose() -> Option<Self> {
        let has =
            |name: &str| Path::new("/usr/bin").join(name).exists() || Path::new("/bin").join(name).exists();
        if has("bash") && has("cat") {
            return Some(Image::Host);
        }
        Self::busybox().map(Image::Busybox)
    }

    /// A static busybox of this host. A file that cannot be read is none.
    pub fn busybox() -> Option<PathBuf> {
        BUSYBOXES.iter().map(PathBuf::from).find(|path| is_static(path).unwrap_or(false))
    }

    /// The shell's file inside the container, without links.
    pub(super) fn shell(&self) -> &'static str {
        match self {
            Image::Host if Path::new("/usr/bin/bash").exists() => "/usr/bin/bash",
            Image::Host => "/bin/bash",
            Image::Busybox(_) => "/bin/busybox",
        }
    }

    /// Arguments that make that file, under any name, run `script`.
    pub(super) fn script<'a>(&self, script: &'a str) -> Vec<&'a str> {
        match self {
            Image::Host => vec!["-c", script],
            Image::Busybox(_) => vec!["sh", "-c", script],
        }
    }

    /// What the file must find as its own name to obey `script`: a busybox looks there for the applet.
    pub(super) fn own_name<'a>(&self, name: &'a str) -> &'a str {
        match self {
            Image::Host => name,
            Image::Busybox(_) => "busybox",
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Image::Host => "nightjar-demo/host",
            Image::Busybox(_) => "nightjar-demo/busybox",
        }
    }
}

/// A 64-bit ELF file without an interpreter (`PT_INTERP`).
fn is_static(path: &Path) -> io::Result<bool> {
    const PT_INTERP: u32 = 3;
    // Program headers follow the file header in every linker's output.
    const HEAD: u64 = 4096;
    let mut head = Vec::new();
    fs::File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    let number = |at: usize, len: usize| {
        let bytes = head.get(at..at + len)?;
        Some(bytes.iter().rev().fold(0_u64, |n, b| n << 8 | u64::from(*b)))
    };
    let (Some(b"\x7fELF\x02\x01"), Some(at), Some(size), Some(count)) =
        (head.get(..6), number(32, 8), number(54, 2), number(56, 2))
    else {
        return Ok(false);
    };
    let kind = |i: u64| number(usize::try_from(at.checked_add(i * size)?).ok()?, 4);
    Ok((0..count).all(|i| kind(i).is_some_and(|kind| kind != u64::from(PT_INTERP))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_not_a_static_program() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("busybox");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(!is_static(&script).unwrap());
    }

    #[test]
    fn an_elf_file_whose_segments_name_no_interpreter_is_static() {
        let dir = tempfile::tempdir().unwrap();
        let elf = |segment: u32| {
            let mut bytes = vec![0_u8; 64 + 56];
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            bytes[32] = 64;
            bytes[54] = 56;
            bytes[56] = 1;
            bytes[64..68].copy_from_slice(&segment.to_le_bytes());
            let path = dir.path().join(segment.to_string());
            fs::write(&path, bytes).unwrap();
            is_static(&path).unwrap()
        };
        assert!(elf(1));
        assert!(!elf(3));
    }
}
