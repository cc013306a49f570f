//! What of the kernel the agent leans on.

use std::{fs, path::Path};

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kernel {
    pub release: String,
    pub arch: String,
    /// Type information, from which offsets of struct members are read.
    pub btf: bool,
    /// Where tracepoints are listed.
    pub tracefs: Option<String>,
    /// `none`, `integrity` or `confidentiality`; `None`: securityfs is not mounted, or the kernel has no lockdown.
    pub lockdown: Option<String>,
    pub jit: Option<bool>,
}

pub const BTF: &str = "sys/kernel/btf/vmlinux";
const TRACEFS: [&str; 2] = ["sys/kernel/tracing", "sys/kernel/debug/tracing"];
const LOCKDOWN: &str = "sys/kernel/security/lockdown";
const JIT: &str = "proc/sys/net/core/bpf_jit_enable";

impl Kernel {
    /// `root` is `/`, or a folder that stands for it.
    pub fn look(root: &Path) -> Self {
        let uname = rustix::system::uname();
        let tracefs = TRACEFS.into_iter().find(|at| root.join(at).join("events").is_dir());
        Kernel {
            release: uname.release().to_string_lossy().into_owned(),
            arch: uname.machine().to_string_lossy().into_owned(),
            btf: root.join(BTF).is_file(),
            tracefs: tracefs.map(|at| format!("/{at}")),
            lockdown: fs::read_to_string(root.join(LOCKDOWN)).ok().and_then(|text| chosen(&text)),
            jit: fs::read_to_string(root.join(JIT)).ok().map(|text| text.trim() != "0"),
        }
    }

    /// `(6, 18)`; an unreadable release counts as the oldest.
    pub fn version(&self) -> (u16, u16) {
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
}

/// The word in brackets of `none [integrity] confidentiality`.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_known_by_its_files() {
        let root = tempfile::tempdir().unwrap();
        let bare = Kernel::look(root.path());
        assert_eq!((bare.btf, &bare.tracefs, &bare.lockdown, bare.jit), (false, &None, &None, None));

        for dir in
            ["sys/kernel/btf", "sys/kernel/debug/tracing/events", "sys/kernel/security", "proc/sys/net/core"]
        {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        fs::write(root.path().join(BTF), "x").unwrap();
        fs::write(root.path().join(LOCKDOWN), "none [integrity] confidentiality\n").unwrap();
        fs::write(root.path().join(JIT), "1\n").unwrap();
        let kernel = Kernel::look(root.path());
        assert!(kernel.btf);
        assert_eq!(kernel.tracefs.as_deref(), Some("/sys/kernel/debug/tracing"));
        assert_eq!(kernel.lockdown.as_deref(), Some("integrity"));
        assert_eq!(kernel.jit, Some(true));
    }

    #[test]
    fn a_version_is_read_from_the_names_that_distributions_give() {
        for (release, version) in
            [("6.18.2", (6, 18)), ("5.10.0-32-cloud-amd64", (5, 10)), ("7.3-rc1", (7, 3)), ("", (0, 0))]
        {
            let kernel = Kernel { release: release.into(), ..Kernel::look(Path::new("/")) };
            assert_eq!(kernel.version(), version, "{release}");
        }
    }
}
