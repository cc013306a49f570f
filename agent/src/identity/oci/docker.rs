//! Docker's own two files of a container, and the same facts as its API tells them, which Podman's does too.

use nightjar_engine::{Container, event::Mount};
use serde_json::Value;

use super::{
    bundle::set_image,
    json::{self, ENTRIES_MAX, list, owned, text},
};

/// `config`: `config.v2.json`; `host`: `hostconfig.json`, which alone knows whether it is privileged.
pub fn fill(config: &Value, host: Option<&Value>, container: &mut Container) {
    container.name = owned(config, "/Name").trim_start_matches('/').to_owned();
    set_image(container, owned(config, "/Config/Image"));
    container.image_id = owned(config, "/Image");
    container.labels = json::labels(config.pointer("/Config/Labels"));
    container.start_time = json::time(config, "/State/StartedAt").unwrap_or(container.start_time);
    container.privileged = host.and_then(|host| host.pointer("/Privileged")?.as_bool());
    let is_host = |mode: &str| Some(host?.pointer(mode)?.as_str()? == "host");
    [container.host_pid, container.host_network, container.host_ipc] =
        ["/PidMode", "/NetworkMode", "/IpcMode"].map(is_host);
    container.ip = owned(config, "/NetworkSettings/IPAddress");
    container.mounts = list(config, "/Mounts").take(ENTRIES_MAX).map(mount).collect();
    if let Some(mounts) = config.pointer("/MountPoints").and_then(Value::as_object) {
        container.mounts = mounts.values().take(ENTRIES_MAX).map(mount).collect();
    }
    // The labels that Kubernetes gave its containers when Docker ran them.
    let label = |name: &str| container.labels.get(name).cloned().unwrap_or_default();
    let (pod_name, pod_namespace) = (label("io.kubernetes.pod.name"), label("io.kubernetes.pod.namespace"));
    container.pod_name = pod_name;
    container.pod_namespace = pod_namespace;
}

fn mount(mount: &Value) -> Mount {
    Mount {
        source: owned(mount, "/Source"),
        dest: owned(mount, "/Destination"),
        // As the user gave it. Older files call it Mode.
        mode: text(mount, "/Relabel").or(text(mount, "/Mode")).unwrap_or_default().to_owned(),
        rw: mount.pointer("/RW").and_then(Value::as_bool).unwrap_or(true),
        propagation: owned(mount, "/Propagation"),
    }
}
