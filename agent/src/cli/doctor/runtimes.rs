//! Which container runtimes the node has, by their programs, sockets and state.

use std::{os::unix::fs::FileTypeExt, path::Path};

use serde::Serialize;

struct Known {
    name: &'static str,
    programs: &'static [&'static str],
    sockets: &'static [&'static str],
    state: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known {
        name: "containerd",
        programs: &["containerd", "k3s"],
        sockets: &["run/containerd/containerd.sock", "run/k3s/containerd/containerd.sock"],
        state: &[
            "run/containerd/io.containerd.runtime.v2.task",
            "run/k3s/containerd/io.containerd.runtime.v2.task",
        ],
    },
    Known { name: "CRI-O", programs: &["crio"], sockets: &["run/crio/crio.sock"], state: &["run/crio"] },
    Known {
        name: "Docker",
        programs: &["dockerd"],
        sockets: &["run/docker.sock"],
        state: &["var/lib/docker/containers", "run/docker/containerd"],
    },
    Known {
        name: "Podman",
        programs: &["podman"],
        sockets: &["run/podman/podman.sock"],
        state: &["run/libpod", "var/lib/containers/storage"],
    },
    Known { name: "runc", programs: &["runc"], sockets: &[], state: &["run/runc"] },
    Known { name: "crun", programs: &["crun"], sockets: &[], state: &["run/crun"] },
    Known { name: "LXC", programs: &["lxc-start"], sockets: &[], state: &["var/lib/lxc"] },
];

const PROGRAM_DIRS: &[&str] =
    &["usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "bin", "sbin", "opt/bin"];

/// A runtime of which something was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runtime {
    pub name: &'static str,
    pub program: Option<String>,
    /// Whether it listens, not whether it answers: no socket is asked.
    pub socket: Option<String>,
    /// The folder in which containers are described without asking anyone.
    pub state: Option<String>,
}

/// `root` is the node's root as the agent sees it.
pub fn look(root: &Path) -> Vec<Runtime> {
    KNOWN.iter().map(|known| find(known, root)).filter(Runtime::is_there).collect()
}

fn find(known: &Known, root: &Path) -> Runtime {
    let programs =
        PROGRAM_DIRS.iter().flat_map(|dir| known.programs.iter().map(move |name| format!("{dir}/{name}")));
    let is_socket = |at: &&&str| root.join(at).metadata().is_ok_and(|meta| meta.file_type().is_socket());
    Runtime {
        name: known.name,
        program: programs.map(|at| format!("/{at}")).find(|at| root.join(&at[1..]).is_file()),
        socket: known.sockets.iter().find(is_socket).map(|at| format!("/{at}")),
        state: known.state.iter().find(|at| root.join(at).is_dir()).map(|at| format!("/{at}")),
    }
}

impl Runtime {
    fn is_there(&self) -> bool {
        self.program.is_some() || self.socket.is_some() || self.state.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixListener};

    use super::*;

    #[test]
    fn a_runtime_is_found_by_what_it_leaves_on_disk() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(look(root.path()), []);

        for dir in ["usr/bin", "run/containerd", "run/runc"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        fs::write(root.path().join("usr/bin/containerd"), "").unwrap();
        let _listening = UnixListener::bind(root.path().join("run/containerd/containerd.sock")).unwrap();
        let found = look(root.path());
        let containerd = Runtime {
            name: "containerd",
            program: Some("/usr/bin/containerd".into()),
            socket: Some("/run/containerd/containerd.sock".into()),
            state: None,
        };
        let runc = Runtime { name: "runc", program: None, socket: None, state: Some("/run/runc".into()) };
        assert_eq!(found, [containerd, runc]);
    }
}
