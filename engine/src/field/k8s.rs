//! `k8s.*`: whose pod. What only the API server knows (owners, labels of others than the pod) has no rows yet.

use super::{
    Arg, ArgRule, Class, Field, Type,
    container::{SHORT_ID, inside, inside_with, joined},
    known, row,
};
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
    row(
        "k8s.pod.sandbox_id",
        Type::Text,
        "First twelve characters of the id of the pod's sandbox.",
        |e, _| inside(e, |c| known(c.pod_sandbox.get(..SHORT_ID).unwrap_or(&c.pod_sandbox).as_bytes())),
    ),
    row("k8s.pod.full_sandbox_id", Type::Text, "The whole id of the pod's sandbox.", |e, _| {
        inside(e, |c| known(c.pod_sandbox.as_bytes()))
    }),
    row("k8s.pod.label", Type::Text, "A label of the pod by its name.", |e, a| match a {
        Arg::Key(name) => inside_with(e, |c| c.pod_labels.get(name).map_or(Value::Absent, Value::text)),
        Arg::None | Arg::Index(_) => Value::Absent,
    })
    .arg(ArgRule::RequiredKey),
    row(
        "k8s.pod.labels",
        Type::Text,
        "All labels of the pod, as `name:value` with commas and blanks between.",
        |e, _| inside(e, |c| joined(&c.pod_labels)),
    ),
    row("k8s.pod.ip", Type::Text, "Address of the pod.", |e, _| {
        inside(e, |c| if c.pod_name.is_empty() { Value::Absent } else { known(c.ip.as_bytes()) })
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
