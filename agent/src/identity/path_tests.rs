//! One line per cgroup layout that runtimes are known to make, and that no path panics.

use proptest::prelude::*;

use super::*;

const A: &str = "3f4c1b1c9a7d5e60f1a2b3c4d5e6f70812233445566778899aabbccddeeff001";
const B: &str = "b7e0c5a4938271605f4e3d2c1b0a99887766554433221100ffeeddccbbaa9988";
const POD: &str = "3ff4b2c9-0a1b-4c2d-8e3f-a1b2c3d4e5f6";
const STATIC_POD: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

/// Runtime, id, uid of the pod.
type Named = (Runtime, &'static str, &'static str);

/// Layout, path (`A`, `B`: ids; `U`: the pod's uid, `V`: with underscores; `S`: a static pod's), then what it names.
const LINES: &[(&str, &str, Option<Named>)] = &[
    ("docker, cgroupfs", "/docker/A", Some((Runtime::Docker, "A", ""))),
    ("docker, systemd", "/system.slice/docker-A.scope", Some((Runtime::Docker, "A", ""))),
    ("docker, a parent of its own", "/ci.slice/docker-A.scope", Some((Runtime::Docker, "A", ""))),
    (
        "docker, rootless",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-A.scope",
        Some((Runtime::Docker, "A", "")),
    ),
    ("docker, --cgroup-parent, ECS", "/ecs/0123abc/A", Some((Runtime::Unknown, "A", ""))),
    ("docker, systemd inside", "/docker/A/init.scope", Some((Runtime::Docker, "A", ""))),
    (
        "docker, a service inside",
        "/system.slice/docker-A.scope/system.slice/cron.service",
        Some((Runtime::Docker, "A", "")),
    ),
    ("docker in docker", "/docker/A/docker/B", Some((Runtime::Docker, "B", ""))),
    ("docker, buildkit inside", "/docker/A/docker/buildkit", Some((Runtime::Docker, "A", ""))),
    ("kind", "/docker/A/kubelet/kubepods/besteffort/podU/B", Some((Runtime::Unknown, "B", "U"))),
    (
        "kind, systemd",
        "/system.slice/docker-A.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-podV.slice/cri-containerd-B.scope",
        Some((Runtime::Containerd, "B", "U")),
    ),
    ("kind, the node itself", "/docker/A/kubelet", Some((Runtime::Docker, "A", ""))),
    (
        "minikube, docker driver",
        "/system.slice/docker-A.scope/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podV.slice/docker-B.scope",
        Some((Runtime::Docker, "B", "U")),
    ),
    ("kubernetes, cgroupfs, GKE COS", "/kubepods/burstable/podU/A", Some((Runtime::Unknown, "A", "U"))),
    ("kubernetes, cgroupfs, guaranteed", "/kubepods/podU/A", Some((Runtime::Unknown, "A", "U"))),
    ("kubernetes, cgroupfs, a static pod", "/kubepods/burstable/podS/A", Some((Runtime::Unknown, "A", "S"))),
    (
        "kubernetes, v1 under systemd's slice",
        "/kubepods.slice/kubepods-podV.slice/cri-containerd-A.scope",
        Some((Runtime::Containerd, "A", "U")),
    ),
    (
        "EKS, k3s: containerd, systemd",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podV.slice/cri-containerd-A.scope",
        Some((Runtime::Containerd, "A", "U")),
    ),
    (
        "AKS, RKE2: containerd, systemd",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podV.slice/cri-containerd-A.scope",
        Some((Runtime::Containerd, "A", "U")),
    ),
    (
        "AKS before cgroup v2, GKE Ubuntu, Talos: cgroupfs",
        "/kubepods/besteffort/podU/A",
        Some((Runtime::Unknown, "A", "U")),
    ),
    ("Talos, its own services", "/podruntime/kubelet", None),
    (
        "EKS, a static pod",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podS.slice/cri-containerd-A.scope",
        Some((Runtime::Containerd, "A", "S")),
    ),
    (
        "EKS, systemd in the container",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podV.slice/cri-containerd-A.scope/init.scope",
        Some((Runtime::Containerd, "A", "U")),
    ),
    (
        "k3s without root",
        "/user.slice/user-1000.slice/user@1000.service/k3s-rootless.service/kubepods/burstable/podU/A",
        Some((Runtime::Unknown, "A", "U")),
    ),
    ("k3d", "/docker/A/kubepods/besteffort/podU/B", Some((Runtime::Unknown, "B", "U"))),
    (
        "k3d, systemd",
        "/system.slice/docker-A.scope/kubepods/burstable/podU/B",
        Some((Runtime::Unknown, "B", "U")),
    ),
    (
        "minikube, podman driver with CRI-O",
        "/machine.slice/libpod-A.scope/container/kubepods.slice/kubepods-podV.slice/crio-B.scope",
        Some((Runtime::CriO, "B", "U")),
    ),
    (
        "minikube, a virtual machine with CRI-O",
        "/kubepods.slice/kubepods-podV.slice/crio-A.scope/container",
        Some((Runtime::CriO, "A", "U")),
    ),
    (
        "OpenShift, a static pod",
        "/kubepods.slice/kubepods-podS.slice/crio-A.scope",
        Some((Runtime::CriO, "A", "S")),
    ),
    ("docker in a pod", "/kubepods/burstable/podU/A/docker/B", Some((Runtime::Docker, "B", "U"))),
    (
        "docker in a pod, systemd",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podV.slice/cri-containerd-A.scope/docker/B",
        Some((Runtime::Docker, "B", "U")),
    ),
    ("docker in docker, systemd", "/system.slice/docker-A.scope/docker/B", Some((Runtime::Docker, "B", ""))),
    ("a pod's slice", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podV.slice", None),
    (
        "containerd, cgroupfs below a systemd kubelet",
        "/system.slice/containerd.service/kubepods-besteffort-podV.slice:cri-containerd:A",
        Some((Runtime::Containerd, "A", "U")),
    ),
    (
        "OpenShift: CRI-O, systemd",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podV.slice/crio-A.scope",
        Some((Runtime::CriO, "A", "U")),
    ),
    (
        "CRI-O with crun's inner cgroup",
        "/kubepods.slice/kubepods-podV.slice/crio-A.scope/container",
        Some((Runtime::CriO, "A", "U")),
    ),
    ("CRI-O, cgroupfs", "/kubepods/burstable/podU/crio-A", Some((Runtime::CriO, "A", "U"))),
    ("CRI-O's monitor", "/kubepods.slice/kubepods-podV.slice/crio-conmon-A.scope", None),
    ("dockershim", "/kubepods.slice/kubepods-podV.slice/docker-A.scope", Some((Runtime::Docker, "A", "U"))),
    ("podman, cgroupfs", "/libpod_parent/libpod-A", Some((Runtime::Podman, "A", ""))),
    ("podman, systemd", "/machine.slice/libpod-A.scope", Some((Runtime::Podman, "A", ""))),
    (
        "podman, crun's inner cgroup",
        "/machine.slice/libpod-A.scope/container",
        Some((Runtime::Podman, "A", "")),
    ),
    (
        "podman, rootless",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-A.scope",
        Some((Runtime::Podman, "A", "")),
    ),
    (
        "podman in a pod",
        "/machine.slice/machine-libpod_pod_B.slice/libpod-A.scope",
        Some((Runtime::Podman, "A", "")),
    ),
    (
        "podman, split in a unit (quadlet)",
        "/system.slice/web.service/libpod-payload-A",
        Some((Runtime::Podman, "A", "")),
    ),
    (
        "podman, split in a unit of a user",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-A",
        Some((Runtime::Podman, "A", "")),
    ),
    (
        "podman, split, systemd inside",
        "/system.slice/web.service/libpod-payload-A/init.scope",
        Some((Runtime::Podman, "A", "")),
    ),
    (
        "podman in podman",
        "/machine.slice/libpod-A.scope/container/libpod_parent/libpod-B",
        Some((Runtime::Podman, "B", "")),
    ),
    ("podman's monitor, cgroupfs", "/libpod_parent/libpod-conmon-A", None),
    ("podman's monitor, systemd", "/machine.slice/libpod-conmon-A.scope", None),
    ("podman's monitor in a unit", "/system.slice/web.service/runtime", None),
    ("nerdctl, systemd", "/system.slice/nerdctl-A.scope", Some((Runtime::Containerd, "A", ""))),
    ("nerdctl, cgroupfs", "/default/A", Some((Runtime::Unknown, "A", ""))),
    ("runc, systemd", "/system.slice/runc-web-1.scope", Some((Runtime::Runc, "web-1", ""))),
    ("crun, systemd", "/system.slice/crun-web.scope", Some((Runtime::Crun, "web", ""))),
    ("youki, systemd's path with cgroupfs", "/:youki:web", Some((Runtime::Youki, "web", ""))),
    ("the demo's own", "/nightjar-demo/A", Some((Runtime::Demo, "A", ""))),
    ("runc, cgroupfs: a name alone", "/web", None),
    ("LXC 5", "/lxc.payload.web", Some((Runtime::Lxc, "web", ""))),
    ("LXC 5, systemd inside", "/lxc.payload.web/system.slice/ssh.service", Some((Runtime::Lxc, "web", ""))),
    ("LXC 3", "/lxc.payload/web", Some((Runtime::Lxc, "web", ""))),
    ("LXC 2", "/lxc/web", Some((Runtime::Lxc, "web", ""))),
    ("LXC in LXC", "/lxc.payload.web/lxc.payload.db", Some((Runtime::Lxc, "db", ""))),
    ("Proxmox", "/lxc/101/ns", Some((Runtime::Lxc, "101", ""))),
    ("Proxmox, systemd inside", "/lxc/101/ns/init.scope", Some((Runtime::Lxc, "101", ""))),
    ("podman in LXC 2", "/lxc/web/libpod_parent/libpod-A", Some((Runtime::Podman, "A", ""))),
    ("LXC's monitor", "/lxc.monitor.web", None),
    ("docker in LXC", "/lxc.payload.web/docker/A", Some((Runtime::Docker, "A", ""))),
    (
        "nspawn",
        r"/machine.slice/machine-my\x2dbox.scope/payload/init.scope",
        Some((Runtime::Nspawn, "my-box", "")),
    ),
    (
        "nspawn as a service",
        "/machine.slice/systemd-nspawn@box.service/payload",
        Some((Runtime::Nspawn, "box", "")),
    ),
    ("nspawn's supervisor", "/machine.slice/systemd-nspawn@box.service/supervisor", None),
    ("a virtual machine", r"/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator", None),
    ("the host", "/", None),
    ("a service", "/system.slice/sshd.service", None),
    ("a session", "/user.slice/user-0.slice/session-3.scope", None),
    (
        "a program of a user's desktop",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-4711.scope",
        None,
    ),
    ("a user's own manager", "/user.slice/user-1000.slice/user@1000.service/init.scope", None),
    ("a mount", r"/system.slice/var-lib-my\x2ddata.mount", None),
    ("a runtime's own unit", "/system.slice/containerd.service", None),
    ("the kubelet", "/system.slice/kubelet.service", None),
    ("a pod's own cgroup", "/kubepods/burstable/podU", None),
    ("an id of 63 digits", "/docker/f4c1b1c9a7d5e60f1a2b3c4d5e6f70812233445566778899aabbccddeeff001", None),
];

fn spell(text: &str) -> String {
    let swap = |part: &str| match part {
        "A" => A.to_owned(),
        "B" => B.to_owned(),
        "U" => POD.to_owned(),
        "S" => STATIC_POD.to_owned(),
        other => other.to_owned(),
    };
    if ["A", "B", "U", "S"].contains(&text) {
        return swap(text);
    }
    let text = text.replace("podU", &format!("pod{POD}")).replace("podS", &format!("pod{STATIC_POD}"));
    let text = text.replace("podV", &format!("pod{}", POD.replace('-', "_")));
    let mut out = String::new();
    for part in text.split_inclusive(['/', '-', '.', ':', '_']) {
        let (word, mark) = part.split_at(part.trim_end_matches(['/', '-', '.', ':', '_']).len());
        out += &swap(word);
        out += mark;
    }
    out
}

#[test]
fn every_layout_names_its_container_and_pod() {
    for (layout, path, expected) in LINES {
        let found = classify(&spell(path)).filter(|found| !found.shared);
        let found = found.map(|found| (found.runtime, found.id, found.pod_uid.unwrap_or_default()));
        let expected = expected.map(|(runtime, id, uid)| (runtime, spell(id), spell(uid)));
        assert_eq!(found, expected, "{layout}: {path}");
    }
}

#[test]
fn a_unit_of_nspawn_is_not_the_containers_alone() {
    for path in ["/machine.slice/systemd-nspawn@my-box.service", r"/machine.slice/machine-my\x2dbox.scope"] {
        let found = classify(path).unwrap();
        assert_eq!((found.runtime, &*found.id, found.shared), (Runtime::Nspawn, "my-box", true), "{path}");
    }
    assert!(!classify("/machine.slice/systemd-nspawn@box.service/payload").unwrap().shared);
}

#[test]
fn a_cgroup_made_inside_a_container_is_not_part_of_its_own_path() {
    let path = format!("/docker/{A}/kubepods/pod{POD}/{B}/inner");
    let inner = classify(&path).unwrap();
    assert_eq!(&path[..inner.len], format!("/docker/{A}/kubepods/pod{POD}/{B}"));
    assert_eq!(classify(&path[..inner.outer]).unwrap().id, A);
}

#[test]
fn a_name_of_the_users_choice_is_a_candidate_and_a_unit_is_not() {
    assert_eq!(candidates("/process_api/91ac/web").collect::<Vec<_>>(), ["web", "91ac", "process_api"]);
    assert_eq!(candidates("/system.slice/sshd.service").count(), 0);
    assert_eq!(candidates("/..").count(), 0);
}

/// Of two layouts that take a component for different containers, the first is bound to more of it.
#[test]
fn no_path_is_ambiguous() {
    let bound = |layout: &Layout| layout.before.len() + layout.after.len();
    let words = [A, "web", "payload", "machine-web.scope", "systemd-nspawn@web.service"];
    let parents = LAYOUTS.iter().map(|layout| layout.parent).chain(words);
    let names = |layout: &Layout| words.map(|word| format!("{}{word}{}", layout.before, layout.after));
    let components: Vec<_> = LAYOUTS.iter().flat_map(names).chain(["payload".into()]).collect();
    for (parent, component) in parents.flat_map(|parent| components.iter().map(move |name| (parent, name))) {
        let fits = LAYOUTS.iter().filter_map(|layout| Some((bound(layout), layout.id(component, parent)?)));
        let fits: Vec<_> = fits.collect();
        for (later, other) in fits.iter().skip(1) {
            let (first, id) = &fits[0];
            assert!(other == id || later < first, "{component} below {parent}: {id} or {other}");
        }
    }
}

proptest! {
    #[test]
    fn no_path_panics(path in "\\PC*") {
        classify(&path);
        candidates(&path).for_each(drop);
    }

    #[test]
    fn no_path_of_the_usual_parts_panics(parts in prop::collection::vec(
        prop::sample::select(vec!["/", "docker", "-", ".scope", ".slice", "pod", "-pod", "lxc.payload.", "payload",
            "machine-", ":", "\\x", "\\x2", "é", A, POD, "libpod-", "kubepods"]), 0..12)) {
        let path = parts.concat();
        if let Some(found) = classify(&path) {
            prop_assert!(found.outer < found.len && found.len <= path.len());
            prop_assert!(is_name(&found.id));
        }
    }
}
