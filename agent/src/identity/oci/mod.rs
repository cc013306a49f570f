//! What a container is: name, image, mounts, labels, from what its runtime keeps on disk. No race.
//!
//! This file knows where things lie; `bundle` and `docker` what they say, `json` how to read what others wrote.

pub mod bundle;
pub mod docker;
pub mod json;

use std::{
    fs, iter,
    path::{Path, PathBuf},
};

use nightjar_engine::Container;
use serde_json::Value;

use self::json::{list, text};
use super::path::{Runtime, is_name};

/// Most directories that a `*` of a place stands for.
const DIRS_MAX: usize = 64;
/// Where containerd keeps the bundles of a namespace, below its state directory.
pub const TASKS: &str = "io.containerd.runtime.v2.task";
/// Drivers of containers/storage.
const DRIVERS: [&str; 4] = ["overlay", "vfs", "btrfs", "zfs"];

/// Where runtimes keep their state. All below a prefix: the host's root as the agent sees it.
/// A component may be `*`: any directory.
#[derive(Clone, Debug)]
pub struct Places {
    /// `/`, or where a container mounts the host's root.
    pub host: PathBuf,
    /// Docker's data roots.
    pub docker: Vec<PathBuf>,
    /// containerd's state directories, Docker's own containerd among them.
    pub containerd: Vec<PathBuf>,
    /// Roots of containers/storage, where Podman and CRI-O keep bundles.
    pub storage: Vec<PathBuf>,
    /// Roots of runc and of what stores like it.
    pub runc: Vec<PathBuf>,
    pub crun: Vec<PathBuf>,
    /// Where `nightjar demo` keeps its bundles.
    pub demo: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        let list = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        Places {
            host: "/".into(),
            docker: list(&["/var/lib/docker", "/var/snap/docker/common/var-lib-docker"]),
            containerd: list(&[
                "/run/containerd",
                "/run/docker/containerd/daemon",
                "/run/k3s/containerd",
                "/run/k0s/containerd",
                "/var/snap/microk8s/common/run/containerd",
            ]),
            storage: list(&["/run/containers/storage", "/var/lib/containers/storage"]),
            runc: list(&["/run/runc", "/run/docker/runtime-runc/moby", "/run/containerd/runc/*"]),
            crun: list(&["/run/crun"]),
            demo: "/run/nightjar-demo".into(),
        }
    }
}

/// What was found on disk beside the container itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub runtime: Runtime,
    /// containerd's namespace; empty: not known.
    pub namespace: String,
}

/// Reads what is on disk of `container`, whose `id` is set. `hint` is what its cgroup's path says of its runtime.
/// `bundle`: where its bundle is, if that is known. `missing` becomes what is still not known.
pub fn describe(
    places: &Places,
    hint: Runtime,
    bundle: Option<PathBuf>,
    container: &mut Container,
) -> Described {
    let mut namespace = String::new();
    let found = match hint {
        // They keep no OCI state.
        Runtime::Lxc | Runtime::Nspawn => None,
        Runtime::Docker
        | Runtime::Containerd
        | Runtime::CriO
        | Runtime::Podman
        | Runtime::Runc
        | Runtime::Crun
        | Runtime::Youki
        | Runtime::Demo
        | Runtime::Unknown => {
            let id = container.id.clone();
            Disk::new(places, &id).and_then(|disk| disk.fill(bundle, container, &mut namespace))
        }
    };
    let runtime = match hint {
        // An engine may stand behind a low-level runtime.
        Runtime::Unknown | Runtime::Runc | Runtime::Crun => found.unwrap_or(hint),
        Runtime::Docker
        | Runtime::Containerd
        | Runtime::CriO
        | Runtime::Podman
        | Runtime::Lxc
        | Runtime::Nspawn
        | Runtime::Youki
        | Runtime::Demo => hint,
    };
    container.runtime = runtime.name().to_owned();
    if container.name.is_empty() && (found.is_some() || !runtime.has_images()) && !runtime.names_itself() {
        container.name = container.id.clone();
    }
    container.missing = missing(container, runtime);
    Described { runtime, namespace }
}

/// Adds to `container` what its runtime told of it, where the disk does not tell.
pub fn complete(container: &mut Container, described: &mut Described, by: Runtime, told: &Container) {
    let Container { name, image, image_id, image_digest, ip, pod_name, pod_namespace, pod_uid, .. } = told;
    for (value, told) in [
        (&mut container.name, name),
        (&mut container.image, image),
        (&mut container.image_id, image_id),
        (&mut container.image_digest, image_digest),
        (&mut container.ip, ip),
        (&mut container.pod_name, pod_name),
        (&mut container.pod_namespace, pod_namespace),
        (&mut container.pod_uid, pod_uid),
    ] {
        if value.is_empty() {
            value.clone_from(told);
        }
    }
    for (labels, told) in
        [(&mut container.labels, &told.labels), (&mut container.pod_labels, &told.pod_labels)]
    {
        if labels.is_empty() {
            labels.clone_from(told);
        }
    }
    if container.mounts.is_empty() {
        container.mounts.clone_from(&told.mounts);
    }
    if container.start_time == 0 {
        container.start_time = told.start_time;
    }
    container.privileged = container.privileged.or(told.privileged);
    container.host_pid = container.host_pid.or(told.host_pid);
    container.host_network = container.host_network.or(told.host_network);
    container.host_ipc = container.host_ipc.or(told.host_ipc);
    if described.runtime == Runtime::Unknown {
        described.runtime = by;
        container.runtime = by.name().to_owned();
    }
    container.missing = missing(container, described.runtime);
}

/// Whether a runtime without a layout of its own keeps a container of this name whose cgroup is `cgroup`.
pub fn confirm(places: &Places, name: &str, cgroup: &str) -> Option<Runtime> {
    let disk = Disk::new(places, name)?;
    let runc = disk.runc_state().is_some_and(|state| {
        let paths = state.pointer("/cgroup_paths").and_then(Value::as_object).into_iter().flatten();
        paths.filter_map(|(_, path)| path.as_str()).any(|path| is_end(path, cgroup))
    });
    if runc {
        return Some(Runtime::Runc);
    }
    if disk
        .crun_status()
        .is_some_and(|status| text(&status, "/cgroup-path").is_some_and(|path| is_end(cgroup, path)))
    {
        return Some(Runtime::Crun);
    }
    let (_, config) = disk.containerd_bundle()?;
    is_end(cgroup, text(&config, "/linux/cgroupsPath")?).then_some(Runtime::Containerd)
}

/// Whether `path` ends with the components of `end`.
fn is_end(path: &str, end: &str) -> bool {
    let end = end.trim_matches('/');
    let before = path.trim_end_matches('/').strip_suffix(end);
    !end.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// One container's places.
struct Disk<'a> {
    places: &'a Places,
    id: &'a str,
}

impl<'a> Disk<'a> {
    /// `None` when the id could lead elsewhere.
    fn new(places: &'a Places, id: &'a str) -> Option<Self> {
        is_name(id).then_some(Disk { places, id })
    }

    fn fill(
        &self,
        bundle: Option<PathBuf>,
        container: &mut Container,
        namespace: &mut String,
    ) -> Option<Runtime> {
        if self.places.docker.iter().any(|root| self.fill_docker(root, container)) {
            return Some(Runtime::Docker);
        }
        let told = bundle.and_then(|path| Some((path.clone(), self.read(&path.join("config.json"))?)));
        if let Some((path, config)) = told
            .or_else(|| self.containerd_bundle())
            .or_else(|| self.storage_bundle())
            .or_else(|| self.first_bundle(iter::once(self.places.demo.join(self.id))))
        {
            let runtime = self.fill_bundle(&path, &config, container);
            if let Some(name) = task_namespace(&path).and_then(Path::file_name) {
                *namespace = name.to_string_lossy().into_owned();
            }
            if container.start_time == 0 {
                let created = self.low_level().and_then(|(_, state, _)| json::time(&state, "/created"));
                container.start_time = created.unwrap_or(0);
            }
            return runtime;
        }
        // The low-level runtime's own state says where the bundle is, wherever that may be.
        let (runtime, state, path) = self.low_level()?;
        container.start_time = json::time(&state, "/created").unwrap_or(container.start_time);
        let config = self.read(&path.join("config.json"));
        config.and_then(|config| self.fill_bundle(&path, &config, container)).or(Some(runtime))
    }

    fn fill_docker(&self, root: &Path, container: &mut Container) -> bool {
        let dir = root.join("containers").join(self.id);
        let Some(config) = self.read(&dir.join("config.v2.json")) else { return false };
        docker::fill(&config, self.read(&dir.join("hostconfig.json")).as_ref(), container);
        true
    }

    /// `None`: a bundle of no engine.
    fn fill_bundle(&self, path: &Path, config: &Value, container: &mut Container) -> Option<Runtime> {
        let signed = bundle::fill(config, container);
        if signed == Some(Runtime::Podman) {
            self.fill_podman(path, container);
        }
        if signed.is_some() {
            return signed;
        }
        let by_docker = self.docker_root(config).is_some_and(|root| self.fill_docker(&root, container));
        match task_namespace(path) {
            Some(namespace) if by_docker || namespace.ends_with("moby") => Some(Runtime::Docker),
            Some(_) => Some(Runtime::Containerd),
            None => by_docker.then_some(Runtime::Docker),
        }
    }

    /// Docker mounts files of its data root into each container, wherever that root is.
    fn docker_root(&self, config: &Value) -> Option<PathBuf> {
        list(config, "/mounts").find_map(|mount| {
            let dir = Path::new(text(mount, "/source")?).parent()?;
            let root = dir.parent().filter(|containers| containers.ends_with("containers"))?.parent()?;
            (dir.file_name()? == self.id).then(|| root.to_owned())
        })
    }

    /// The bundle is STORE/ID/userdata; STORE has a list of all containers, with their names and images.
    fn fill_podman(&self, bundle: &Path, container: &mut Container) {
        let Some(store) = bundle.ancestors().nth(2) else { return };
        let lists = ["containers.json", "volatile-containers.json"].map(|list| self.read(&store.join(list)));
        let mut entries = lists.iter().flatten().flat_map(|entries| list(entries, ""));
        if let Some(entry) = entries.find(|entry| text(entry, "/id") == Some(self.id)) {
            bundle::fill_from_store(entry, container);
        }
    }

    fn containerd_bundle(&self) -> Option<(PathBuf, Value)> {
        self.first_bundle(self.places.containerd.iter().map(|root| root.join(TASKS).join("*").join(self.id)))
    }

    fn storage_bundle(&self) -> Option<(PathBuf, Value)> {
        let store = |root: &'a PathBuf| DRIVERS.map(|driver| root.join(format!("{driver}-containers")));
        let stores = self.places.storage.iter().flat_map(store);
        self.first_bundle(stores.map(|store| store.join(self.id).join("userdata")))
    }

    fn first_bundle(&self, paths: impl Iterator<Item = PathBuf>) -> Option<(PathBuf, Value)> {
        paths.flat_map(|path| self.expand(&path)).find_map(|path| {
            let config = self.read(&path.join("config.json"))?;
            Some((path, config))
        })
    }

    fn low_level(&self) -> Option<(Runtime, Value, PathBuf)> {
        let bundle_of = |text: Option<&str>| {
            text.map(PathBuf::from).filter(|path| path.is_absolute()).unwrap_or_default()
        };
        if let Some(state) = self.runc_state() {
            let labels = list(&state, "/config/labels").filter_map(Value::as_str);
            let bundle = bundle_of(labels.filter_map(|label| label.strip_prefix("bundle=")).next());
            return Some((Runtime::Runc, state, bundle));
        }
        let status = self.crun_status()?;
        let bundle = bundle_of(text(&status, "/bundle"));
        Some((Runtime::Crun, status, bundle))
    }

    fn runc_state(&self) -> Option<Value> {
        let dirs = self.places.runc.iter().flat_map(|root| self.expand(&root.join(self.id)));
        dirs.into_iter().find_map(|dir| self.read(&dir.join("state.json")))
    }

    fn crun_status(&self) -> Option<Value> {
        self.places.crun.iter().find_map(|root| self.read(&root.join(self.id).join("status")))
    }

    /// The paths that one with a `*` stands for.
    fn expand(&self, path: &Path) -> Vec<PathBuf> {
        let mut parts = path.iter();
        let before: PathBuf = parts.by_ref().take_while(|part| *part != "*").collect();
        if before == path {
            return vec![before];
        }
        let after: PathBuf = parts.collect();
        let dirs = fs::read_dir(self.on_host(&before)).into_iter().flatten().flatten().take(DIRS_MAX);
        dirs.map(|dir| before.join(dir.file_name()).join(&after)).collect()
    }

    fn read(&self, path: &Path) -> Option<Value> {
        json::read(&self.on_host(path))
    }

    fn on_host(&self, path: &Path) -> PathBuf {
        self.places.host.join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// The folder of its namespace, where a bundle is containerd's.
fn task_namespace(bundle: &Path) -> Option<&Path> {
    bundle.parent().filter(|namespace| namespace.parent().is_some_and(|tasks| tasks.ends_with(TASKS)))
}

/// What rules ask for and this container still lacks.
fn missing(container: &Container, runtime: Runtime) -> Vec<String> {
    let is_opaque = matches!(runtime, Runtime::Lxc | Runtime::Nspawn);
    let lacks = [
        ("runtime", runtime == Runtime::Unknown),
        ("name", container.name.is_empty()),
        ("image", runtime.has_images() && container.image.is_empty()),
        ("privileged", !is_opaque && container.privileged.is_none()),
    ];
    lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests;
