//! `k8s.*`: whose pod. What only the API server knows (owners, labels) has no rows yet.

use super::{Class, Field, Type, known, row};
use crate::{
    event::{Container, Event},
    value::Value,
};

pub(super) static CLASS: Class =
    Class { name: "k8s", doc: "Whose pod. Absent outside Kubernetes.", rows: ROWS };

static ROWS: &[Field] = &[
    row("k8s.ns.name", Type::Text, "Namespace of the pod.", |e, _| {
        pod(e, |c| &c.pod_namespace, "io.kubernetes.pod.namespace")
    }),
    row("k8s.pod.name", Type::Text, "Name of the pod.", |e, _| {
        pod(e, |c| &c.pod_name, "io.kubernetes.pod.name")
    }),
    row("k8s.pod.uid", Type::Text, "Uid of the pod.", |e, _| pod(e, |c| &c.pod_uid, "io.kubernetes.pod.uid")),
    row("k8s.pod.id", Type::Text, "The same as `k8s.pod.uid`.", |e, _| {
        pod(e, |c| &c.pod_uid, "io.kubernetes.pod.uid")
    }),
];

/// What identity learned, or else what the kubelet wrote on the container.
fn pod<'e>(event: &'e Event, learned: fn(&Container) -> &String, label: &str) -> Value<'e> {
    let Some(container) = event.container.as_deref() else { return Value::Absent };
    match learned(container).as_bytes() {
        [] => container.labels.get(label).map_or(Value::Absent, |value| known(value.as_bytes())),
        name => Value::text(name),
    }
}
