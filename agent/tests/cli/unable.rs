//! Where the agent cannot run it says why, in one sentence, and ends with the code for it. Needs root.

use std::process::{Command, Output};

/// What `run` says where it sees other mounts: each a command for a shell, run before it.
fn run_after(unshare: &[&str], prepare: &str) -> String {
    let mut run = Command::new("unshare");
    let script = format!("{prepare} && exec \"$0\" run");
    run.args(unshare).args(["sh", "-c", &script, env!("CARGO_BIN_EXE_nightjar")]);
    let Output { status, stderr, .. } = run.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a_kernel_without_type_information_gets_one_sentence() {
    let said = run_after(&["--mount"], "mount -t tmpfs none /sys/kernel/btf");
    assert!(said.contains("this kernel has no BTF type information at /sys/kernel/btf/vmlinux"), "{said}");
}

/// The program has no right to mount anything, as in a container.
#[test]
fn tracepoints_without_tracefs_get_one_sentence() {
    let hide = "mount -t tmpfs none /sys/kernel/tracing && exec setpriv --bounding-set=-sys_admin --no-new-privs \
                \"$0\" run --hooks tracepoint; true";
    let said = run_after(&["--mount"], hide);
    let expected = "nightjar: mount tracefs, where the kernel lists its tracepoints, at /sys/kernel/tracing";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_pid_namespace_of_its_own_gets_one_sentence() {
    let said = run_after(&["--pid", "--fork", "--mount-proc"], "true");
    assert!(said.contains("run it in the node's pid namespace (hostPID: true, or --pid=host)"), "{said}");
}
