//! Who stands behind a container is among the ancestors of what runs in it: the process that an engine leaves with each
//! container, a shim or conmon, and the low-level runtime that started it. They know where the container's bundle is,
//! wherever the engine was told to keep it, and they know it before anything is written and after it is taken away.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use nightjar_engine::{Process, event::ANCESTORS_MAX};

use super::{oci::TASKS, path::Runtime, proc::INITIAL_PID_NS};

/// Commands of a low-level runtime that start a container. Its name comes last.
const STARTS: &[&[u8]] = &[b"run", b"create", b"restore"];

/// Where the bundle of container `id` is, as said by the keeper of `process`.
pub fn bundle(process: &Process, id: &str) -> Option<PathBuf> {
    on_host(process).find_map(|process| match &*process.comm {
        b"containerd-shim" => of_shim(path(&process.cwd), id),
        b"conmon" => of_conmon(&process.args, id),
        _ => starter(process, id).map(|_| of_starter(process)),
    })
}

/// The runtime that started `process` as part of container `id`; where an engine had a low-level runtime do it, the
/// engine. Other users than root are not believed: they could name a cgroup of theirs like a container.
pub fn started_by(process: &Process, id: &str) -> Option<Runtime> {
    on_host(process).filter(|process| process.euid == 0).filter_map(|process| starter(process, id)).last()
}

/// Whether it runs in a container of systemd-nspawn, which stays the parent of the container's first process.
pub fn is_below_nspawn(process: &Process) -> bool {
    let keeper = on_host(process).next();
    process.pid_ns != INITIAL_PID_NS && keeper.is_some_and(|keeper| *keeper.comm == *b"systemd-nspawn")
}

/// A process and its ancestors, as far as they are believed: what runs in a container can call itself anything.
fn on_host(process: &Process) -> impl Iterator<Item = &Process> {
    let lineage =
        std::iter::successors(Some(process), |process| process.parent.as_deref()).take(ANCESTORS_MAX);
    lineage.filter(|process| process.pid_ns == INITIAL_PID_NS)
}

fn starter(process: &Process, id: &str) -> Option<Runtime> {
    let runtime = match &*process.comm {
        b"containerd-shim" => {
            let cwd = path(&process.cwd);
            return (of_shim(cwd, id)? == cwd).then_some(Runtime::Containerd);
        }
        b"runc" => Runtime::Runc,
        b"crun" => Runtime::Crun,
        b"youki" => Runtime::Youki,
        _ => return None,
    };
    let (last, before) = process.args.split_last()?;
    let starts = before.iter().any(|arg| STARTS.contains(&&**arg));
    (starts && last == id.as_bytes()).then_some(runtime)
}

/// A shim works in the bundle of its first container; those of the other containers of its pod lie beside it.
fn of_shim(cwd: &Path, id: &str) -> Option<PathBuf> {
    let namespace = cwd.parent()?;
    namespace.parent()?.ends_with(TASKS).then(|| namespace.join(id))
}

fn of_conmon(args: &[Vec<u8>], id: &str) -> Option<PathBuf> {
    let bundle = bundle_option(args)?;
    bundle.iter().any(|part| part == id).then(|| bundle.to_owned())
}

/// It takes the directory it is in when it is told no other.
fn of_starter(process: &Process) -> PathBuf {
    let cwd = path(&process.cwd);
    bundle_option(&process.args).map_or_else(|| cwd.to_owned(), |bundle| cwd.join(bundle))
}

fn bundle_option(args: &[Vec<u8>]) -> Option<&Path> {
    let with_value = args.iter().find_map(|arg| arg.strip_prefix(b"--bundle="));
    let at = || args.iter().position(|arg| arg == b"-b" || arg == b"--bundle");
    let value = with_value.or_else(|| args.get(at()? + 1).map(Vec::as_slice))?;
    Some(path(value))
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

    fn runtime(comm: &str, args: &[&str], pid_ns: u32) -> Process {
        let args = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        Process { comm: comm.into(), args, cwd: "/srv/web".into(), pid_ns, ..Process::default() }
    }

    #[test]
    fn what_a_runtime_was_told_to_start_is_believed_of_root_on_the_host_alone() {
        let args = ["crun", "--root", "/x", "create", "--bundle=../b", "web"];
        let process = below(runtime("crun", &args, INITIAL_PID_NS));
        assert_eq!(started_by(&process, "web"), Some(Runtime::Crun));
        assert_eq!(bundle(&process, "web"), Some("/srv/web/../b".into()));
        assert_eq!(started_by(&process, "db"), None);
        assert_eq!(started_by(&below(runtime("crun", &args, 2)), "web"), None);
        let user = Process { euid: 1000, ..runtime("crun", &args, INITIAL_PID_NS) };
        assert_eq!(started_by(&below(user), "web"), None);
        assert_eq!(
            started_by(&below(runtime("runc", &["runc", "exec", "web"], INITIAL_PID_NS)), "web"),
            None
        );
    }

    #[test]
    fn an_engine_stands_behind_the_runtime_that_it_calls() {
        let shim = shim("/run/containerd/io.containerd.runtime.v2.task/default/web", INITIAL_PID_NS);
        let mut process = runtime("runc", &["runc", "create", "web"], INITIAL_PID_NS);
        process.parent = Some(Arc::new(shim));
        assert_eq!(started_by(&below(process.clone()), "web"), Some(Runtime::Containerd));
        assert_eq!(started_by(&below(process), "default"), None);
    }

    #[test]
    fn what_shares_a_cgroup_with_nspawn_is_in_its_container_only_behind_another_pid_namespace() {
        let nspawn = |pid_ns| Process { comm: b"systemd-nspawn".to_vec(), pid_ns, ..Process::default() };
        assert!(is_below_nspawn(&below(nspawn(INITIAL_PID_NS))));
        assert!(!is_below_nspawn(&nspawn(INITIAL_PID_NS)));
        assert!(!is_below_nspawn(&below(nspawn(2))));
    }

    #[test]
    fn a_runtime_without_a_bundle_works_in_it() {
        let process = below(runtime("runc", &["runc", "run", "web"], INITIAL_PID_NS));
        assert_eq!(bundle(&process, "web"), Some("/srv/web".into()));
    }
}
