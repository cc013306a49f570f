//! What the build of the kernel side and the tests need from Debian, and the setting up of a new machine.
//!
//! Only root on a machine with apt-get changes anything; everybody else is told what is missing.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::sh;

struct Package {
    name: &'static str,
    needs: &'static [Need],
    why: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To build agent-ebpf.
    Ebpf,
    /// To run the tests that do deeds on the kernel.
    Tests,
    /// To run containers of every runtime that Debian has.
    Containers,
    /// To run the receivers of the outputs.
    Outputs,
    /// To run other kernels.
    Vm,
    /// To run the fuzz targets.
    Fuzz,
}

const PACKAGES: &[Package] = &[
    Package { name: "rustc-web", needs: &[Need::Ebpf], why: "a rustc whose library source is packaged too" },
    Package { name: "cargo-web", needs: &[Need::Ebpf], why: "the cargo of that rustc" },
    Package { name: "rust-web-clippy", needs: &[Need::Ebpf], why: "the clippy of that rustc" },
    Package {
        name: "rust-web-src",
        needs: &[Need::Ebpf],
        why: "source of core, which is built for the BPF target",
    },
    Package {
        name: "llvm-22-dev",
        needs: &[Need::Ebpf],
        why: "the LLVM of that rustc, for bpf-linker; llvm-objcopy",
    },
    Package {
        name: "libpolly-22-dev",
        needs: &[Need::Ebpf],
        why: "llvm-config names it among LLVM's libraries",
    },
    Package { name: "zlib1g-dev", needs: &[Need::Ebpf], why: "bpf-linker links LLVM, LLVM links zlib" },
    Package { name: "libzstd-dev", needs: &[Need::Ebpf], why: "bpf-linker links LLVM, LLVM links zstd" },
    Package {
        name: "busybox-static",
        needs: &[Need::Tests, Need::Vm],
        why: "one file that is a container's or guest's whole root",
    },
    Package { name: "runc", needs: &[Need::Containers], why: "the plainest container runtime" },
    Package { name: "crun", needs: &[Need::Containers], why: "the low-level runtime of Podman and CRI-O" },
    Package { name: "podman", needs: &[Need::Containers], why: "an engine without a daemon" },
    Package { name: "containerd", needs: &[Need::Containers], why: "the engine below Kubernetes and Docker" },
    Package { name: "docker.io", needs: &[Need::Containers], why: "the engine that most know" },
    Package { name: "lxc", needs: &[Need::Containers], why: "containers that keep no OCI state" },
    Package { name: "systemd-container", needs: &[Need::Containers], why: "systemd-nspawn" },
    Package { name: "rsyslog", needs: &[Need::Outputs], why: "a syslog receiver" },
    Package { name: "rsyslog-openssl", needs: &[Need::Outputs], why: "syslog over TLS" },
    Package { name: "python3-venv", needs: &[Need::Outputs], why: "receivers that are Python packages" },
    Package { name: "dpkg-dev", needs: &[Need::Outputs], why: "unpacks the source of VictoriaLogs" },
    Package {
        name: "xz-utils",
        needs: &[Need::Vm, Need::Outputs],
        why: "modules of newer kernels, and sources, are compressed",
    },
    Package { name: "qemu-system-x86", needs: &[Need::Vm], why: "the machine that other kernels run in" },
    Package { name: "g++", needs: &[Need::Fuzz], why: "libFuzzer is C++" },
];

/// Installs what is missing for these needs.
pub fn provide(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Package> =
        PACKAGES.iter().filter(|p| p.needs.iter().any(|n| needs.contains(n)) && !installed(p.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|p| p.name).collect();
    if !sh::is_root() || !has_apt() {
        let list: Vec<String> = missing.iter().map(|p| format!("{} ({})", p.name, p.why)).collect();
        bail!(
            "missing: {}; as root on Debian this installs them itself, or run: apt-get install {}",
            list.join(", "),
            names.join(" ")
        );
    }
    for package in &missing {
        println!("installing {}: {}", package.name, package.why);
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-o", "Acquire::Retries=3"]);
        command
    };
    sh::run(apt().arg("update")).context("refresh apt's lists")?;
    sh::run(apt().args(["install", "--yes", "--no-install-recommends"]).args(&names))
        .context("install packages")
}

/// Whether this machine could have the recorded toolchain from its package archive.
pub fn is_debian() -> bool {
    has_apt()
        && fs::read_to_string("/etc/os-release")
            .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

/// Mounts tracefs where the kernel expects it, unless it is there.
pub fn mount_tracefs() -> Result<()> {
    let at = "/sys/kernel/tracing";
    if Path::new(at).join("events").exists() {
        return Ok(());
    }
    println!("mounting tracefs at {at}");
    sh::run(Command::new("mount").args(["-t", "tracefs", "tracefs", at]))
}

fn has_apt() -> bool {
    Path::new("/usr/bin/apt-get").exists() && Path::new("/usr/bin/dpkg-query").exists()
}

fn installed(name: &str) -> bool {
    sh::read(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", name]))
        .is_ok_and(|s| s == "installed")
}
