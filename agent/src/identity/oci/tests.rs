//! Files in the shape in which each runtime writes them. Podman's and runc's were taken from containers of
//! podman 4.3.1 and runc 1.1.5, shortened to the members that are read and some that are not.

use nightjar_engine::event::Mount;
use serde_json::json;

use super::*;

const ID: &str = "dce83e3b73ab80ce5d7c8676842987a6d64cbc29862c138314b6794ae046fa42";

struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        Host(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, value: Value) -> &Self {
        let path = self.0.path().join(path.replace("ID", ID).trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string().replace("ID_", ID)).unwrap();
        self
    }

    fn places(&self) -> Places {
        Places { host: self.0.path().to_owned(), ..Places::default() }
    }

    fn describe(&self, id: &str, hint: Runtime) -> Container {
        let mut container = Container { id: id.to_owned(), ..Container::default() };
        describe(&self.places(), hint, None, &mut container);
        container
    }
}

fn full_capabilities() -> Value {
    json!(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"])
}

#[test]
fn docker_keeps_two_files() {
    let host = Host::new();
    host.write(
        "/var/lib/docker/containers/ID/config.v2.json",
        json!({
        "ID": "ID_", "Name": "/web", "Image": "sha256:aa11", "Driver": "overlay2",
        "State": {"Running": true, "Pid": 7, "StartedAt": "2026-11-24T10:00:00.5Z"},
        "Config": {"Image": "nginx:1@sha256:bb22", "Labels": {"app": "shop"}, "Env": null},
        "MountPoints": {"/data": {"Source": "/srv/data", "Destination": "/data", "RW": false, "Name": "",
            "Driver": "", "Type": "bind", "Relabel": "ro", "Propagation": "rprivate"}}}),
    );
    host.write(
        "/var/lib/docker/containers/ID/hostconfig.json",
        json!({"Privileged": false, "NetworkMode": "none"}),
    );
    let mount = Mount {
        source: "/srv/data".into(),
        dest: "/data".into(),
        mode: "ro".into(),
        rw: false,
        propagation: "rprivate".into(),
    };
    let expected = Container {
        id: ID.into(),
        runtime: "docker".into(),
        name: "web".into(),
        image: "nginx:1@sha256:bb22".into(),
        image_id: "sha256:aa11".into(),
        image_digest: "sha256:bb22".into(),
        privileged: Some(false),
        host_network: Some(false),
        labels: [("app".to_owned(), "shop".to_owned())].into(),
        mounts: vec![mount],
        start_time: 1_795_514_400_500_000_000,
        ..Container::default()
    };
    assert_eq!(host.describe(ID, Runtime::Unknown), expected);
}

#[test]
fn dockers_data_root_is_found_through_the_bundle() {
    let host = Host::new();
    host.write("/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/ID/config.json", json!({
        "ociVersion": "1.0.2", "root": {"path": "/big/docker/overlay2/x/merged"}, "annotations": null,
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/etc/hostname", "type": "bind", "source": "/big/docker/containers/ID_/hostname"}]}));
    assert_eq!(host.describe(ID, Runtime::Unknown).runtime, "docker");
    host.write("/big/docker/containers/ID/config.v2.json", json!({"Name": "/db", "Config": {"Image": "pg"}}));
    assert_eq!(host.describe(ID, Runtime::Docker).name, "db");
}

#[test]
fn a_cri_container_of_containerd_has_its_pod_in_annotations() {
    let host = Host::new();
    host.write(
        "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
        json!({
        "ociVersion": "1.1.0",
        "process": {"user": {"uid": 0}, "capabilities": {"bounding": full_capabilities()}},
        "annotations": {
            "io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.image-name": "registry.k8s.io/app:v2", "io.kubernetes.cri.sandbox-id": "ff",
            "io.kubernetes.cri.sandbox-name": "app-0", "io.kubernetes.cri.sandbox-namespace": "shop",
            "io.kubernetes.cri.sandbox-uid": "3ff4b2c9-0a1b-4c2d-8e3f-a1b2c3d4e5f6"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
            {"destination": "/host", "type": "bind", "source": "/", "options": ["rbind", "rslave", "ro"]}],
        "linux": {"cgroupsPath": "/kubepods/x", "maskedPaths": []}}),
    );
    let container = host.describe(ID, Runtime::Unknown);
    assert_eq!(
        (&*container.runtime, &*container.name, &*container.image),
        ("containerd", "app", "registry.k8s.io/app:v2")
    );
    assert_eq!((&*container.pod_name, &*container.pod_namespace), ("app-0", "shop"));
    assert_eq!(container.pod_uid, "3ff4b2c9-0a1b-4c2d-8e3f-a1b2c3d4e5f6");
    assert_eq!(container.privileged, Some(true), "every capability, nothing masked");
    assert_eq!(
        (&*container.mounts[0].dest, container.mounts[0].rw, &*container.mounts[0].propagation),
        ("/host", false, "rslave")
    );
    assert_eq!(container.mounts.len(), 1, "its own /proc is not a mount of the host's");
    assert!(container.missing.is_empty());
}

#[test]
fn a_pods_sandbox_is_named_so() {
    let host = Host::new();
    host.write(
        "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
        json!({"annotations": {
        "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-name": "app-0",
        "io.kubernetes.cri.image-name": "registry.k8s.io/pause:3.9"}}),
    );
    assert_eq!(host.describe(ID, Runtime::Containerd).name, "POD");
}

#[test]
fn cri_o_keeps_everything_in_annotations() {
    let host = Host::new();
    host.write("/run/containers/storage/overlay-containers/ID/userdata/config.json", json!({"annotations": {
        "io.kubernetes.container.name": "app", "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.Created": "2026-11-24T10:00:00.000000001Z",
        "io.kubernetes.cri-o.ImageName": "quay.io/shop/app:v2",
        "io.kubernetes.cri-o.ImageRef": "quay.io/shop/app@sha256:cc33",
        "io.kubernetes.cri-o.Labels": "{\"tier\":\"front\"}",
        "io.kubernetes.pod.name": "app-0", "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "u"},
        "linux": {"maskedPaths": ["/proc/kcore"]}}));
    let container = host.describe(ID, Runtime::CriO);
    assert_eq!(
        (&*container.runtime, &*container.name, &*container.image),
        ("cri-o", "app", "quay.io/shop/app:v2")
    );
    assert_eq!((&*container.image_digest, &*container.labels["tier"]), ("sha256:cc33", "front"));
    assert_eq!(
        (&*container.pod_name, &*container.pod_namespace, &*container.pod_uid),
        ("app-0", "shop", "u")
    );
    assert_eq!((container.privileged, container.start_time), (Some(false), 1_795_514_400_000_000_001));
}

fn podman(host: &Host, store: &str) {
    host.write(&format!("{store}/ID/userdata/config.json"), json!({
        "annotations": {"io.container.manager": "libpod", "io.kubernetes.cri-o.Created": "2026-11-25T00:50:23.290723276Z",
            "io.kubernetes.cri-o.TTY": "false", "io.podman.annotations.autoremove": "FALSE",
            "io.podman.annotations.privileged": "TRUE", "org.opencontainers.image.stopSignal": "15"},
        "mounts": [{"destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["ro", "rprivate", "rbind"]}],
        "linux": {"cgroupsPath": "/libpod_parent/libpod-ID_"}}));
    host.write(&format!("{store}/containers.json"), json!([
        {"id": "other", "names": ["x"]},
        {"id": "ID_", "names": ["pname"], "image": "1856b058", "layer": "89df84c6", "flags": {"MountLabel": ""},
            "metadata": "{\"image-name\":\"localhost/bb:1\",\"image-id\":\"1856b058\",\"name\":\"pname\",\"created-at\":1795567823}"}]));
}

#[test]
fn podman_keeps_names_in_the_list_beside_the_bundle() {
    let host = Host::new();
    podman(&host, "/var/lib/containers/storage/overlay-containers");
    let container = host.describe(ID, Runtime::Podman);
    assert_eq!(
        (&*container.runtime, &*container.name, &*container.image),
        ("podman", "pname", "localhost/bb:1")
    );
    assert_eq!((&*container.image_id, container.privileged), ("1856b058", Some(true)));
    assert!(container.start_time > 0 && container.missing.is_empty());
}

#[test]
fn a_podman_root_of_its_own_is_found_through_the_low_level_runtime() {
    let bundle = format!("/opt/pods/vfs-containers/{ID}/userdata");
    let runc = Host::new();
    podman(&runc, "/opt/pods/vfs-containers");
    runc.write(
        "/run/runc/ID/state.json",
        json!({"id": "ID_", "created": "2026-11-25T00:50:23.5Z",
        "config": {"labels": ["io.container.manager=libpod", format!("bundle={bundle}")]}}),
    );
    assert_eq!(runc.describe(ID, Runtime::Podman).name, "pname");
    let crun = Host::new();
    podman(&crun, "/opt/pods/vfs-containers");
    crun.write(
        "/run/crun/ID/status",
        json!({"pid": 12, "cgroup-path": "/x", "bundle": bundle, "created": "2026-11-25T00:50:23.5Z"}),
    );
    assert_eq!(crun.describe(ID, Runtime::Podman).name, "pname");
}

#[test]
fn a_bundle_of_plain_runc_is_confirmed_by_its_state_and_described() {
    let host = Host::new();
    host.write("/run/runc/web/state.json", json!({"id": "web", "init_process_pid": 21029, "created": "2026-11-25T00:46:16.87405142Z",
        "cgroup_paths": {"": "/sys/fs/cgroup/unified/web", "memory": "/sys/fs/cgroup/memory/process_api/91ac/web"},
        "config": {"rootfs": "/b/rootfs", "labels": ["bundle=/b"]}}));
    host.write("/b/config.json", json!({"process": {"capabilities": {"bounding": ["CAP_KILL"]}}, "linux": {"maskedPaths": ["/proc/kcore"]}}));
    assert_eq!(confirm(&host.places(), "web", "/process_api/91ac/web"), Some(Runtime::Runc));
    assert_eq!(confirm(&host.places(), "web", "/other/web"), None, "a cgroup that only shares the name");
    assert_eq!(confirm(&host.places(), "nobody", "/nobody"), None);
    let container = host.describe("web", Runtime::Runc);
    assert_eq!((&*container.runtime, &*container.name, container.privileged), ("runc", "web", Some(false)));
    assert!(container.missing.is_empty(), "a bundle has no image: {:?}", container.missing);
}

#[test]
fn a_ctr_container_is_confirmed_by_its_bundle_and_lacks_its_image() {
    let host = Host::new();
    host.write(
        "/run/containerd/io.containerd.runtime.v2.task/default/box/config.json",
        json!({"linux": {"cgroupsPath": "/default/box"}}),
    );
    assert_eq!(confirm(&host.places(), "box", "/default/box"), Some(Runtime::Containerd));
    assert_eq!(confirm(&host.places(), "box", "/box"), None);
    let container = host.describe("box", Runtime::Containerd);
    assert_eq!((&*container.name, container.missing), ("box", vec!["image".to_owned()]));
}

#[test]
fn containerd_is_seen_behind_the_runc_that_it_starts() {
    let host = Host::new();
    let bundle = "/opt/state/io.containerd.runtime.v2.task/default/box";
    host.write(&format!("{bundle}/config.json"), json!({"linux": {"cgroupsPath": "/default/box"}}));
    let state = json!({"created": "2026-11-25T00:50:23.5Z", "cgroup_paths": {"pids": "/sys/fs/cgroup/pids/default/box"},
        "config": {"labels": [format!("bundle={bundle}")]}});
    host.write("/run/containerd/runc/default/box/state.json", state);
    assert_eq!(confirm(&host.places(), "box", "/default/box"), Some(Runtime::Runc));
    let container = host.describe("box", Runtime::Runc);
    assert_eq!((&*container.runtime, container.start_time), ("containerd", 1_795_567_823_500_000_000));
}

#[test]
fn lxc_and_nspawn_have_a_name_and_no_more() {
    let container = Host::new().describe("box", Runtime::Lxc);
    assert_eq!((&*container.runtime, &*container.name, container.missing.len()), ("lxc", "box", 0));
}

#[test]
fn nonsense_in_every_member_is_not_known_rather_than_an_error() {
    let host = Host::new();
    host.write(
        "/var/lib/docker/containers/ID/config.v2.json",
        json!({
        "Name": 7, "Config": [], "State": "x", "MountPoints": [1], "Image": null}),
    );
    host.write("/var/lib/docker/containers/ID/hostconfig.json", json!("x"));
    let container = host.describe(ID, Runtime::Docker);
    assert_eq!(container.missing, ["name", "image", "privileged"]);
}

#[test]
fn an_id_cannot_lead_to_another_directory() {
    let host = Host::new();
    host.write("/var/lib/docker/config.v2.json", json!({"Name": "/evil"}));
    assert_eq!(host.describe("..", Runtime::Docker).name, "");
}

#[test]
fn the_demo_leaves_a_bundle_of_its_own() {
    let host = Host::new();
    host.write(
        "/run/nightjar-demo/ID/config.json",
        json!({"process": {"capabilities": {"bounding": ["CAP_CHOWN"]}},
            "annotations": {bundle::DEMO_NAME: "nightjar-demo", bundle::IMAGE_NAME: "nightjar-demo/busybox"}}),
    );
    let found = host.describe(ID, Runtime::Demo);
    assert_eq!(
        (&*found.runtime, &*found.name, &*found.image),
        ("nightjar-demo", "nightjar-demo", "nightjar-demo/busybox")
    );
    assert_eq!((found.privileged, found.missing.len()), (Some(false), 0));
}
