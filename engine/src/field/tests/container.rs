//! Fields of the container and its pod.

use super::*;

#[test]
fn a_container_says_where_and_the_host_says_host() {
    says(
        &of(exec()),
        &[
            ("container.id", "3f4e5d6c7b8a"),
            ("container.full_id", "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"),
            ("container.name", "web"),
            ("container.type", "containerd"),
            ("container.image", "docker.io/library/nginx:1.25"),
            ("container.image.repository", "docker.io/library/nginx"),
            ("container.image.tag", "1.25"),
            ("container.image.digest", "sha256:abcd"),
            ("container.privileged", "false"),
            ("container.duration", "10000000000"),
            ("container.label[app]", "web"),
            ("container.label[none]", "-"),
            ("container.labels", "app:web"),
            ("container.mounts", "/proc/sys:/host/proc::true:,/etc:/host/etc:ro:false:"),
            ("container.mount[1]", "/etc:/host/etc:ro:false:"),
            ("container.mount.dest[/proc*]", "/host/proc"),
            ("container.mount.dest[/etc]", "/host/etc"),
            ("container.mount.dest[/]", "-"),
            ("container.mount.dest[/root*]", "-"),
            ("container.mount.source[/host/*]", "/proc/sys"),
            ("container.mount.mode[/etc]", "ro"),
            ("container.mount.rdwr[0]", "true"),
            ("container.mount.rdwr[9]", "-"),
            ("k8s.pod.name", "web-0"),
            ("k8s.ns.name", "shop"),
            ("k8s.pod.uid", "-"),
        ],
    );
    says(
        &event(exec(), process(), None),
        &[
            ("container.id", "host"),
            ("container.full_id", "host"),
            ("container.name", "host"),
            ("container.type", "host"),
            ("container.image.repository", "-"),
            ("container.privileged", "-"),
            ("container.mount.dest[/etc]", "-"),
            ("k8s.ns.name", "-"),
        ],
    );
    let young = crate::Container {
        id: "short".to_owned(),
        labels: [("io.kubernetes.pod.name".to_owned(), "p".to_owned())].into(),
        ..Default::default()
    };
    says(
        &event(exec(), process(), Some(young)),
        &[
            ("container.id", "short"),
            ("container.image.tag", "-"),
            ("container.privileged", "-"),
            ("container.duration", "-"),
            ("k8s.pod.name", "p"),
        ],
    );
}
