//! The process that an engine leaves with each container, a shim or conmon, knows where the container's bundle is,
//! wherever the engine was told to keep it. It is among the ancestors of what runs in the container.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use nightjar_engine::{Process, event::ANCESTORS_MAX};

use super::{oci::TASKS, proc::INITIAL_PID_NS};

/// Where the bundle of container `id` is, as said by the keeper of `process`. Only what runs in the host's pid
/// namespace is believed: what runs in a container can call itself anything.
pub fn bundle(process: &Process, id: &str) -> Option<PathBuf> {
    let lineage =
        std::iter::successors(Some(process), |process| process.parent.as_deref()).take(ANCESTORS_MAX);
    lineage.filter(|process| process.pid_ns == INITIAL_PID_NS).find_map(|process| match &*process.comm {
        b"containerd-shim" => of_shim(path(&process.cwd), id),
        b"conmon" => of_conmon(&process.args, id),
        _ => None,
    })
}

/// A shim works in the bundle of its first container; those of the other containers of its pod lie beside it.
fn of_shim(cwd: &Path, id: &str) -> Option<PathBuf> {
    let namespace = cwd.parent()?;
    namespace.parent()?.ends_with(TASKS).then(|| namespace.join(id))
}

fn of_conmon(args: &[Vec<u8>], id: &str) -> Option<PathBuf> {
    let at = args.iter().position(|arg| arg == b"-b" || arg == b"--bundle")?;
    let bundle = path(args.get(at + 1)?);
    bundle.iter().any(|part| part == id).then(|| bundle.to_owned())
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn below(keeper: Process) -> Process {
        let init = Process {
            comm: b"nginx".to_vec(),
            pid_ns: 2,
            parent: Some(Arc::new(keeper)),
            ..Process::default()
        };
        Process { comm: b"sh".to_vec(), pid_ns: 2, parent: Some(Arc::new(init)), ..Process::default() }
    }

    fn shim(cwd: &str, pid_ns: u32) -> Process {
        Process { comm: b"containerd-shim".to_vec(), cwd: cwd.into(), pid_ns, ..Process::default() }
    }

    fn conmon(args: &[&str]) -> Process {
        let args = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        Process { comm: b"conmon".to_vec(), args, pid_ns: INITIAL_PID_NS, ..Process::default() }
    }

    #[test]
    fn a_shim_keeps_all_containers_of_its_pod() {
        let process = below(shim("/opt/cd/io.containerd.runtime.v2.task/k8s.io/sandbox", INITIAL_PID_NS));
        let expected = PathBuf::from("/opt/cd/io.containerd.runtime.v2.task/k8s.io/app");
        assert_eq!(bundle(&process, "app"), Some(expected));
    }

    #[test]
    fn a_shim_inside_a_container_is_not_believed() {
        let process = below(shim("/tmp/io.containerd.runtime.v2.task/x/y", 2));
        assert_eq!(bundle(&process, "y"), None);
        assert_eq!(bundle(&below(shim("/", INITIAL_PID_NS)), "y"), None);
    }

    #[test]
    fn conmon_is_told_the_bundle() {
        let args = ["conmon", "-c", "f00", "-b", "/r/overlay-containers/f00/userdata", "-p", "/x"];
        assert_eq!(bundle(&below(conmon(&args)), "f00"), Some("/r/overlay-containers/f00/userdata".into()));
        assert_eq!(bundle(&below(conmon(&args)), "ba5"), None);
        assert_eq!(bundle(&below(conmon(&args[..4])), "f00"), None);
    }
}
