//! The list against daemonset.yaml, and against the kernel.

use serde_json::Value;

use super::*;
use crate::config::{Config, Raw};

fn daemonset() -> Value {
    let text = include_str!("../../../daemonset.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().find(|document| document["kind"] == "DaemonSet").unwrap()
}

fn container(daemonset: &Value) -> &Value {
    let containers = daemonset["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    &containers[0]
}

#[test]
fn the_daemonset_grants_the_capabilities_of_the_list_and_no_other() {
    let daemonset = daemonset();
    let security = &container(&daemonset)["securityContext"];
    let granted: HashSet<_> = security["capabilities"]["add"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cap| format!("CAP_{}", cap.as_str().unwrap()))
        .collect();
    let listed: HashSet<_> = CAPABILITIES
        .iter()
        .filter(|need| need.before.is_none())
        .map(|need| need.capability.to_string())
        .collect();
    assert_eq!(granted, listed);
    assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert_eq!(security["privileged"], false);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
}

#[test]
fn a_capability_that_only_old_kernels_need_is_named_in_a_comment() {
    let text = include_str!("../../../daemonset.yaml");
    for need in CAPABILITIES.iter().filter(|need| need.before.is_some()) {
        let name = need.capability.to_string();
        let line = text.lines().find(|line| line.contains(name.trim_start_matches("CAP_"))).unwrap();
        assert!(line.trim_start().starts_with('#'), "{line}");
    }
}

#[test]
fn the_daemonset_mounts_what_is_listed_and_its_configuration_and_nothing_else() {
    let daemonset = daemonset();
    let volumes = daemonset["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    let volume = |name: &Value| volumes.iter().find(|volume| volume["name"] == *name).unwrap();
    let mounts = container(&daemonset)["volumeMounts"].as_array().unwrap();
    let (of_host, others): (Vec<_>, Vec<_>) =
        mounts.iter().partition(|mount| volume(&mount["name"]).get("hostPath").is_some());
    let found: Vec<_> = of_host
        .iter()
        .map(|mount| {
            let writes = mount.get("readOnly") != Some(&Value::Bool(true));
            (volume(&mount["name"])["hostPath"]["path"].clone(), mount["mountPath"].clone(), writes)
        })
        .collect();
    let listed: Vec<_> =
        HOST_PATHS.iter().map(|path| (Value::from(path.host), Value::from(path.at), path.writes)).collect();
    assert_eq!(found, listed);
    assert_eq!(volumes.len(), mounts.len());
    assert_eq!(others.len(), 1);
    assert_eq!(volume(&others[0]["name"])["configMap"]["name"], "nightjar");
    assert_eq!(others[0]["readOnly"], true);
}

#[test]
fn the_configuration_in_the_daemonset_is_one_and_its_spool_lies_on_the_node() {
    let text = include_str!("../../../daemonset.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let map = documents.iter().find(|document| document["kind"] == "ConfigMap").unwrap();
    let settings = map["data"]["nightjar.yaml"].as_str().unwrap();
    let config = |text: &str| Config::check(Raw::parse("nightjar.yaml", text).unwrap()).unwrap();
    let writable = HOST_PATHS.iter().find(|path| path.writes).unwrap();
    assert!(config(settings).spool.dir.starts_with(writable.at));
    // What stands there as an example is right too.
    let example: Vec<_> = settings.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
    let example = example.split(|line| line.starts_with("Example")).nth(1).unwrap().join("\n");
    let example =
        example.replace("/run/secrets/nightjar", env!("CARGO_MANIFEST_DIR")).replace("/token", "/Cargo.toml");
    assert_eq!(config(&example).outputs.len(), 1);
}

#[test]
fn the_pod_sees_the_nodes_processes_and_not_its_network_or_the_api() {
    let daemonset = daemonset();
    let pod = &daemonset["spec"]["template"]["spec"];
    assert_eq!(pod["hostPID"], true);
    assert!(pod.get("hostNetwork").is_none() && pod.get("hostIPC").is_none());
    assert_eq!(pod["automountServiceAccountToken"], false);
}

#[test]
fn memory_is_limited_as_the_list_says_and_the_ring_fits_in_it() {
    let daemonset = daemonset();
    let limits = &container(&daemonset)["resources"]["limits"];
    assert_eq!(limits["memory"], format!("{}Mi", MEMORY_LIMIT >> 20));
    let config = Config::check(Raw::default()).unwrap();
    assert!(u64::from(config.ring_size) * 4 <= MEMORY_LIMIT);
}

#[test]
fn the_daemonset_starts_the_agent_with_arguments_it_understands() {
    use clap::Parser;

    let daemonset = daemonset();
    let args = container(&daemonset)["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    crate::cli::Cli::try_parse_from(std::iter::once("nightjar").chain(args)).unwrap();
}

#[test]
fn old_kernels_need_one_capability_more() {
    assert!(needed((5, 10)).any(|need| need.capability == Capability::CAP_SYS_RESOURCE));
    assert!(needed((5, 11)).all(|need| need.capability != Capability::CAP_SYS_RESOURCE));
}

#[test]
fn what_is_given_back_is_gone_and_what_is_kept_is_there() {
    // A thread's capabilities are its own: the other tests keep theirs.
    let (before, after) = std::thread::spawn(|| {
        let before = caps::read(None, CapSet::Permitted).unwrap();
        drop_for_this_thread().unwrap();
        assert_eq!(held().unwrap(), caps::read(None, CapSet::Permitted).unwrap());
        (before, held().unwrap())
    })
    .join()
    .unwrap();
    let kept: HashSet<_> = CAPABILITIES.iter().filter(|need| need.kept).map(|need| need.capability).collect();
    assert_eq!(after, before.intersection(&kept).copied().collect::<HashSet<_>>());
    assert!(!after.contains(&Capability::CAP_PERFMON));
}

#[test]
fn giving_back_is_refused_once_there_are_threads_that_would_keep_theirs() {
    let (stop, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let other = std::thread::spawn(move || wait.recv());
    assert!(matches!(drop_after_start(), Err(PrivilegeError::TooLate(2..))));
    drop(stop);
    other.join().unwrap().unwrap_err();
}
