//! What a container is: name, image, mounts, labels, from what its runtime keeps on disk. No sockets, no race.
//!
//! JSON is read leniently: a member that is missing or of another type is simply not known. Nothing found here is
//! trusted to be small.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nightjar_engine::{Container, event::Mount};
use serde_json::Value;

use super::path::{Runtime, is_name};

/// Longest file that is read. Podman keeps all its containers in one.
const JSON_MAX: u64 = 8 << 20;
/// Most containerd namespaces and storage drivers that are looked into, per root.
const DIRS_MAX: usize = 64;
/// Most labels and mounts kept of one container, bytes of any text, and of all labels together.
const ENTRIES_MAX: usize = 128;
const TEXT_MAX: usize = 4 * 1024;
const LABEL_BYTES_MAX: usize = 32 * 1024;

/// Where runtimes keep their state. All below a prefix: the host's root as the agent sees it.
#[derive(Clone, Debug)]
pub struct Places {
    /// `/`, or where a container mounts the host's root.
    pub host: PathBuf,
    /// Docker's data roots (`--data-root`).
    pub docker: Vec<PathBuf>,
    /// containerd's state directories, Docker's own containerd among them.
    pub containerd: Vec<PathBuf>,
    /// Roots of containers/storage, where Podman and CRI-O keep bundles.
    pub storage: Vec<PathBuf>,
    /// Roots of runc and of what stores like it.
    pub runc: Vec<PathBuf>,
    pub crun: Vec<PathBuf>,
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
                "/run/docker/containerd",
                "/run/k3s/containerd",
                "/run/k0s/containerd",
                "/var/snap/microk8s/common/run/containerd",
            ]),
            storage: list(&["/run/containers/storage", "/var/lib/containers/storage"]),
            runc: list(&["/run/runc", "/run/docker/runtime-runc/moby", "/run/containerd/runc/*"]),
            crun: list(&["/run/crun"]),
        }
    }
}

/// Reads what is on disk of container `id` into `container`; tells the runtime when what lies there does.
/// `missing` is set to what is still not known.
pub fn describe(places: &Places, id: &str, hint: Runtime, container: &mut Container) -> Runtime {
    let mut found = hint;
    if is_name(id) {
        let disk = Disk { places, id };
        found = disk
            .docker(container)
            .or_else(|| disk.bundles(container))
            .or_else(|| disk.states(container))
            .unwrap_or(hint);
    }
    let runtime = if hint == Runtime::Unknown || found == Runtime::Docker { found } else { hint };
    container.runtime = runtime.name().to_owned();
    container.missing = missing(container, runtime);
    runtime
}

/// Whether a runtime without a layout of its own keeps a container of this name whose cgroup is `cgroup`.
pub fn confirm(places: &Places, name: &str, cgroup: &str) -> Option<Runtime> {
    let disk = Disk { places, id: name };
    if let Some((_, state)) = disk.runc_state() {
        let paths = state.get("cgroup_paths").and_then(Value::as_object)?;
        return paths
            .values()
            .filter_map(Value::as_str)
            .any(|path| is_end(path, cgroup))
            .then_some(Runtime::Runc);
    }
    if let Some(status) = disk.crun_status() {
        return is_end(cgroup, text(&status, "/cgroup-path")?).then_some(Runtime::Crun);
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

struct Disk<'a> {
    places: &'a Places,
    id: &'a str,
}

impl Disk<'_> {
    fn docker(&self, container: &mut Container) -> Option<Runtime> {
        self.places.docker.iter().find_map(|root| self.docker_config(root, container))
    }

    fn docker_config(&self, root: &Path, container: &mut Container) -> Option<Runtime> {
        let dir = root.join("containers").join(self.id);
        let config = self.json(&dir.join("config.v2.json"))?;
        container.name = owned(&config, "/Name").trim_start_matches('/').to_owned();
        set_image(container, owned(&config, "/Config/Image"));
        container.image_id = owned(&config, "/Image");
        container.labels = labels(config.pointer("/Config/Labels"));
        set_pod(container, "io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid");
        container.start_time = time(&config, "/State/StartedAt").unwrap_or(container.start_time);
        if let Some(mounts) = config.pointer("/MountPoints").and_then(Value::as_object) {
            container.mounts = mounts.values().take(ENTRIES_MAX).map(docker_mount).collect();
        }
        if let Some(host) = self.json(&dir.join("hostconfig.json")) {
            container.privileged = host.pointer("/Privileged").and_then(Value::as_bool);
        }
        Some(Runtime::Docker)
    }

    /// Bundles where containerd, Podman and CRI-O put them.
    fn bundles(&self, container: &mut Container) -> Option<Runtime> {
        let (bundle, config) = self.containerd_bundle().or_else(|| self.storage_bundle())?;
        Some(self.bundle(&bundle, &config, container))
    }

    fn containerd_bundle(&self) -> Option<(PathBuf, Value)> {
        let tasks = self.places.containerd.iter().map(|root| root.join("io.containerd.runtime.v2.task/*"));
        self.first_config(tasks.map(|namespace| namespace.join(self.id)))
    }

    fn storage_bundle(&self) -> Option<(PathBuf, Value)> {
        let drivers = ["overlay", "vfs", "btrfs", "zfs"];
        let stores = self
            .places
            .storage
            .iter()
            .flat_map(|root| drivers.map(|driver| root.join(format!("{driver}-containers"))));
        self.first_config(stores.map(|store| store.join(self.id).join("userdata")))
    }

    fn first_config(&self, bundles: impl Iterator<Item = PathBuf>) -> Option<(PathBuf, Value)> {
        bundles.flat_map(|bundle| self.expand(&bundle)).find_map(|bundle| {
            let config = self.json(&bundle.join("config.json"))?;
            Some((bundle, config))
        })
    }

    /// The low-level runtime's own state says where the bundle is, wherever that may be.
    fn states(&self, container: &mut Container) -> Option<Runtime> {
        if let Some((_, state)) = self.runc_state() {
            container.start_time = time(&state, "/created").unwrap_or(container.start_time);
            let labels = state.pointer("/config/labels").and_then(Value::as_array).into_iter().flatten();
            let bundle = labels.filter_map(Value::as_str).find_map(|label| label.strip_prefix("bundle="));
            return Some(self.named_bundle(bundle, Runtime::Runc, container));
        }
        let status = self.crun_status()?;
        container.start_time = time(&status, "/created").unwrap_or(container.start_time);
        Some(self.named_bundle(text(&status, "/bundle"), Runtime::Crun, container))
    }

    fn runc_state(&self) -> Option<(PathBuf, Value)> {
        let roots = self.places.runc.iter().flat_map(|root| self.expand(&root.join(self.id)));
        roots.into_iter().find_map(|dir| Some((dir.clone(), self.json(&dir.join("state.json"))?)))
    }

    fn crun_status(&self) -> Option<Value> {
        self.places.crun.iter().find_map(|root| self.json(&root.join(self.id).join("status")))
    }

    fn named_bundle(&self, bundle: Option<&str>, runtime: Runtime, container: &mut Container) -> Runtime {
        let bundle = bundle.map(Path::new).filter(|path| path.is_absolute());
        let config = bundle.and_then(|bundle| Some((bundle, self.json(&bundle.join("config.json"))?)));
        match config {
            Some((bundle, config)) => match self.bundle(bundle, &config, container) {
                // A bundle that no engine has signed is the low-level runtime's own.
                Runtime::Containerd if !bundle.to_string_lossy().contains("io.containerd.runtime") => {
                    plain(container, self.id);
                    runtime
                }
                engine => engine,
            },
            None => runtime,
        }
    }

    /// What an OCI bundle says. Engines sign theirs with annotations.
    fn bundle(&self, bundle: &Path, config: &Value, container: &mut Container) -> Runtime {
        let annotations = labels(config.pointer("/annotations"));
        let get = |name: &str| annotations.get(name).cloned().unwrap_or_default();
        container.mounts = oci_mounts(config.pointer("/mounts"));
        container.privileged = match annotations.get("io.podman.annotations.privileged") {
            Some(flag) => Some(flag.eq_ignore_ascii_case("true")),
            None => Some(is_privileged(config)),
        };
        if get("io.container.manager") == "libpod" {
            self.podman_store(bundle, container);
            container.start_time = stamp(&get("io.kubernetes.cri-o.Created")).unwrap_or(container.start_time);
            return Runtime::Podman;
        }
        if annotations.contains_key("io.kubernetes.cri-o.ContainerType") {
            let name = get("io.kubernetes.container.name");
            container.name = if name.is_empty() { get("io.kubernetes.cri-o.ContainerName") } else { name };
            set_image(container, get("io.kubernetes.cri-o.ImageName"));
            container.image_id = get("io.kubernetes.cri-o.ImageRef");
            set_digest(container, &get("io.kubernetes.cri-o.ImageRef"));
            container.labels = serde_json::from_str(&get("io.kubernetes.cri-o.Labels"))
                .map(|v: Value| labels(Some(&v)))
                .unwrap_or_default();
            container.start_time = stamp(&get("io.kubernetes.cri-o.Created")).unwrap_or(container.start_time);
            container.pod_name = get("io.kubernetes.pod.name");
            container.pod_namespace = get("io.kubernetes.pod.namespace");
            set_text(&mut container.pod_uid, get("io.kubernetes.pod.uid"));
            return Runtime::CriO;
        }
        if annotations.contains_key("io.kubernetes.cri.container-type") {
            let sandbox = get("io.kubernetes.cri.container-type") == "sandbox";
            container.name = if sandbox { "POD".into() } else { get("io.kubernetes.cri.container-name") };
            set_image(container, get("io.kubernetes.cri.image-name"));
            container.pod_name = get("io.kubernetes.cri.sandbox-name");
            container.pod_namespace = get("io.kubernetes.cri.sandbox-namespace");
            set_text(&mut container.pod_uid, get("io.kubernetes.cri.sandbox-uid"));
            return Runtime::Containerd;
        }
        if let Some(root) = self.docker_root(config) {
            if let Some(runtime) = self.docker_config(&root, container) {
                return runtime;
            }
        }
        if bundle.parent().is_some_and(|namespace| namespace.ends_with("moby")) {
            return Runtime::Docker;
        }
        let nerdctl = get("nerdctl/name");
        plain(container, if nerdctl.is_empty() { self.id } else { &nerdctl });
        Runtime::Containerd
    }

    /// Docker mounts three files of its data root into each container, wherever that root is.
    fn docker_root(&self, config: &Value) -> Option<PathBuf> {
        let mounts = config.pointer("/mounts").and_then(Value::as_array)?;
        mounts.iter().filter_map(|mount| Path::new(text(mount, "/source")?).parent()).find_map(|dir| {
            let root = dir.parent().filter(|containers| containers.ends_with("containers"))?.parent()?;
            (dir.file_name()?.to_str() == Some(self.id)).then(|| root.to_owned())
        })
    }

    /// Podman's bundle has no name and no image; the list beside it has. STORE/ID/userdata is the bundle.
    fn podman_store(&self, bundle: &Path, container: &mut Container) {
        let Some(store) = bundle.ancestors().nth(2) else { return };
        let lists = ["containers.json", "volatile-containers.json"].map(|list| self.json(&store.join(list)));
        let mut entries = lists.iter().flatten().filter_map(Value::as_array).flatten();
        let Some(entry) = entries.find(|entry| text(entry, "/id") == Some(self.id)) else { return };
        container.name = owned(entry, "/names/0");
        container.image_id = owned(entry, "/image");
        let metadata: Value =
            serde_json::from_str(text(entry, "/metadata").unwrap_or("")).unwrap_or_default();
        set_image(container, owned(&metadata, "/image-name"));
    }

    /// The directories that a path with a `*` component stands for.
    fn expand(&self, path: &Path) -> Vec<PathBuf> {
        let mut parts = path.iter();
        let before: PathBuf = parts.by_ref().take_while(|part| *part != "*").collect();
        let after: PathBuf = parts.collect();
        if before == path {
            return vec![before];
        }
        let dirs = fs::read_dir(self.host(&before)).into_iter().flatten().flatten().take(DIRS_MAX);
        dirs.map(|dir| before.join(dir.file_name()).join(&after)).collect()
    }

    fn host(&self, path: &Path) -> PathBuf {
        self.places.host.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn json(&self, path: &Path) -> Option<Value> {
        // Not to wait where someone has put a FIFO.
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(self.host(path)).ok()?;
        if !file.metadata().is_ok_and(|meta| meta.is_file()) {
            return None;
        }
        let mut bytes = Vec::new();
        if let Err(error) = file.take(JSON_MAX).read_to_end(&mut bytes) {
            tracing::debug!(path = %path.display(), %error, "cannot read container details");
            return None;
        }
        match serde_json::from_slice(&bytes) {
            Ok(value) => Some(value),
            // Written at this moment, or longer than the limit: there is another try.
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "cannot parse container details");
                None
            }
        }
    }
}

/// What rules ask for and this container still lacks.
fn missing(container: &Container, runtime: Runtime) -> Vec<String> {
    let has_image = match runtime {
        Runtime::Docker | Runtime::Containerd | Runtime::CriO | Runtime::Podman | Runtime::Unknown => true,
        // A root directory, not an image.
        Runtime::Lxc | Runtime::Nspawn | Runtime::Runc | Runtime::Crun | Runtime::Youki => false,
    };
    let lacks = [
        ("runtime", runtime == Runtime::Unknown),
        ("name", container.name.is_empty()),
        ("image", has_image && container.image.is_empty()),
        ("privileged", container.privileged.is_none()),
    ];
    lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(name, _)| name.to_owned()).collect()
}

fn plain(container: &mut Container, name: &str) {
    container.name = name.to_owned();
}

fn set_text(to: &mut String, from: String) {
    if !from.is_empty() {
        *to = from;
    }
}

fn set_image(container: &mut Container, image: String) {
    set_digest(container, &image);
    container.image = image;
}

/// `repository@sha256:…` names its digest.
fn set_digest(container: &mut Container, reference: &str) {
    if let Some((_, digest)) = reference.split_once('@') {
        container.image_digest = digest.to_owned();
    }
}

fn set_pod(container: &mut Container, name: &str, namespace: &str, uid: &str) {
    let get = |label: &str| container.labels.get(label).cloned().unwrap_or_default();
    let (name, namespace, uid) = (get(name), get(namespace), get(uid));
    container.pod_name = name;
    container.pod_namespace = namespace;
    set_text(&mut container.pod_uid, uid);
}

/// The spec has no word for it. An engine's privileged container keeps the capabilities that reach beyond it, and
/// no path of /proc is hidden from it.
fn is_privileged(config: &Value) -> bool {
    let bounding = config.pointer("/process/capabilities/bounding").and_then(Value::as_array);
    let has = |name: &str| bounding.is_some_and(|caps| caps.iter().any(|cap| cap.as_str() == Some(name)));
    let masked =
        config.pointer("/linux/maskedPaths").and_then(Value::as_array).is_some_and(|paths| !paths.is_empty());
    !masked && ["CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"].into_iter().all(has)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| text.len() <= TEXT_MAX)
}

fn owned(value: &Value, pointer: &str) -> String {
    text(value, pointer).unwrap_or_default().to_owned()
}

fn labels(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    let texts = entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let mut left = LABEL_BYTES_MAX;
    let fits = |(name, value): &(String, String)| {
        let bytes = name.len() + value.len();
        let fits = bytes <= TEXT_MAX && bytes <= left;
        left -= if fits { bytes } else { 0 };
        fits
    };
    texts.filter(fits).take(ENTRIES_MAX).collect()
}

fn oci_mounts(value: Option<&Value>) -> Vec<Mount> {
    value.and_then(Value::as_array).into_iter().flatten().take(ENTRIES_MAX).map(oci_mount).collect()
}

fn oci_mount(mount: &Value) -> Mount {
    let options = mount.pointer("/options").and_then(Value::as_array).into_iter().flatten();
    let options: Vec<&str> = options.filter_map(Value::as_str).collect();
    let kinds = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
    Mount {
        source: owned(mount, "/source"),
        dest: owned(mount, "/destination"),
        mode: options.join(","),
        rw: !options.contains(&"ro"),
        propagation: options
            .iter()
            .find(|option| kinds.contains(option))
            .copied()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn docker_mount(mount: &Value) -> Mount {
    Mount {
        source: owned(mount, "/Source"),
        dest: owned(mount, "/Destination"),
        // As the user gave it; Docker writes `Relabel` for it.
        mode: text(mount, "/Relabel").or(text(mount, "/Mode")).unwrap_or_default().to_owned(),
        rw: mount.pointer("/RW").and_then(Value::as_bool).unwrap_or(true),
        propagation: owned(mount, "/Propagation"),
    }
}

fn time(value: &Value, pointer: &str) -> Option<u64> {
    stamp(text(value, pointer)?)
}

/// RFC 3339 to nanoseconds since the epoch. Docker writes the year 1 for never.
fn stamp(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok().filter(|time| *time > 0)
}

#[cfg(test)]
#[path = "oci_tests.rs"]
mod tests;
