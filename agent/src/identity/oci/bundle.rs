//! What an OCI bundle's `config.json` says of a container, and whose bundle it is: engines sign with annotations.

use nightjar_engine::{Container, event::Mount};
use serde_json::Value;

use super::{
    super::path::Runtime,
    json::{self, ENTRIES_MAX, list, owned, stamp},
};

/// Options of a mount that say how it propagates.
const PROPAGATIONS: &[&str] = &["private", "rprivate", "shared", "rshared", "slave", "rslave"];
/// What an engine leaves to no container but a privileged one.
const BEYOND: &[&str] = &["CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"];

/// The annotation by which `nightjar demo` signs, with the container's name.
pub const DEMO_NAME: &str = "nightjar.demo.name";
/// The spec's own annotation for an image's name.
pub const IMAGE_NAME: &str = "org.opencontainers.image.ref.name";

/// Fills in what the bundle knows. `None`: no engine has signed it.
pub fn fill(config: &Value, container: &mut Container) -> Option<Runtime> {
    let annotations = json::labels(config.pointer("/annotations"));
    let get = |name: &str| annotations.get(name).cloned().unwrap_or_default();
    container.mounts =
        list(config, "/mounts").filter(|mount| is_bind(mount)).take(ENTRIES_MAX).map(mount).collect();
    container.privileged = Some(is_privileged(config));
    [container.host_pid, container.host_network, container.host_ipc] =
        ["pid", "network", "ipc"].map(|kind| shares(config, kind));

    if get("io.container.manager") == "libpod" {
        // Its name and image are not in the bundle.
        container.privileged = Some(get("io.podman.annotations.privileged").eq_ignore_ascii_case("true"));
        container.start_time = stamp(&get("io.kubernetes.cri-o.Created")).unwrap_or(container.start_time);
        return Some(Runtime::Podman);
    }
    if annotations.contains_key("io.kubernetes.cri-o.ContainerType") {
        let name = get("io.kubernetes.container.name");
        container.name = if name.is_empty() { get("io.kubernetes.cri-o.ContainerName") } else { name };
        set_image(container, get("io.kubernetes.cri-o.ImageName"));
        container.image_id = get("io.kubernetes.cri-o.ImageRef");
        set_digest(container, &get("io.kubernetes.cri-o.ImageRef"));
        let labels: Value = serde_json::from_str(&get("io.kubernetes.cri-o.Labels")).unwrap_or_default();
        container.labels = json::labels(Some(&labels));
        container.start_time = stamp(&get("io.kubernetes.cri-o.Created")).unwrap_or(container.start_time);
        set_pod(
            container,
            ["name", "namespace", "uid"].map(|part| get(&format!("io.kubernetes.pod.{part}"))),
        );
        container.pod_sandbox = get("io.kubernetes.cri-o.SandboxID");
        return Some(Runtime::CriO);
    }
    if annotations.contains_key("io.kubernetes.cri.container-type") {
        let is_sandbox = get("io.kubernetes.cri.container-type") == "sandbox";
        container.name = if is_sandbox { "POD".into() } else { get("io.kubernetes.cri.container-name") };
        set_image(container, get("io.kubernetes.cri.image-name"));
        set_pod(
            container,
            ["name", "namespace", "uid"].map(|part| get(&format!("io.kubernetes.cri.sandbox-{part}"))),
        );
        container.pod_sandbox = get("io.kubernetes.cri.sandbox-id");
        return Some(Runtime::Containerd);
    }
    if let Some(name) = annotations.get(DEMO_NAME) {
        container.name.clone_from(name);
        set_image(container, get(IMAGE_NAME));
        return Some(Runtime::Demo);
    }
    container.name = get("nerdctl/name");
    (!container.name.is_empty()).then_some(Runtime::Containerd)
}

/// Podman's entry in the list of its store.
pub fn fill_from_store(entry: &Value, container: &mut Container) {
    container.name = owned(entry, "/names/0");
    container.image_id = owned(entry, "/image");
    let metadata: Value = serde_json::from_str(&owned(entry, "/metadata")).unwrap_or_default();
    set_image(container, owned(&metadata, "/image-name"));
}

pub fn set_image(container: &mut Container, image: String) {
    set_digest(container, &image);
    container.image = image;
}

/// `repository@sha256:…` names its digest.
fn set_digest(container: &mut Container, reference: &str) {
    if let Some((_, digest)) = reference.split_once('@') {
        container.image_digest = digest.to_owned();
    }
}

/// The cgroup's path has the pod's uid too, and may have it where the bundle does not.
fn set_pod(container: &mut Container, [name, namespace, uid]: [String; 3]) {
    container.pod_name = name;
    container.pod_namespace = namespace;
    if !uid.is_empty() {
        container.pod_uid = uid;
    }
}

/// The spec has no word for it. An engine's privileged container keeps the capabilities that reach beyond it, and
/// no path of /proc is hidden from it.
fn is_privileged(config: &Value) -> bool {
    let has =
        |name: &&str| list(config, "/process/capabilities/bounding").any(|cap| cap.as_str() == Some(name));
    list(config, "/linux/maskedPaths").next().is_none() && BEYOND.iter().all(has)
}

/// Whether a namespace is the host's. `None`: it is that of another process, whose may be the host's.
fn shares(config: &Value, kind: &str) -> Option<bool> {
    config.pointer("/linux/namespaces")?;
    let own = list(config, "/linux/namespaces").find(|own| json::text(own, "/type") == Some(kind));
    match own.map(|own| json::text(own, "/path").unwrap_or_default()) {
        None => Some(true),
        Some(path) if path.starts_with("/proc/") => None,
        Some(_) => Some(false),
    }
}

/// Only what comes from the host: every container has a /proc of its own, and rules ask for the host's.
fn is_bind(mount: &Value) -> bool {
    let mut options = list(mount, "/options").filter_map(Value::as_str);
    json::text(mount, "/type") == Some("bind") || options.any(|option| matches!(option, "bind" | "rbind"))
}

fn mount(mount: &Value) -> Mount {
    let options: Vec<&str> = list(mount, "/options").filter_map(Value::as_str).collect();
    let propagation = options.iter().find(|option| PROPAGATIONS.contains(option));
    Mount {
        source: owned(mount, "/source"),
        dest: owned(mount, "/destination"),
        mode: options.join(","),
        rw: !options.contains(&"ro"),
        propagation: propagation.copied().unwrap_or_default().to_owned(),
    }
}
