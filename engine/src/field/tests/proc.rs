//! Fields of the process, its ancestors, users and threads.

use super::*;

#[test]
fn a_process_and_its_ancestors_are_told_apart() {
    let event = of(exec());
    says(
        &event,
        &[
            ("proc.name", "cat"),
            ("proc.pname", "sh"),
            ("proc.aname[0]", "cat"),
            ("proc.aname[1]", "sh"),
            ("proc.aname[2]", "nginx"),
            ("proc.aname[3]", "-"),
            ("proc.aname", "sh,nginx"),
            ("proc.exe", "cat"),
            ("proc.pexe", "sh"),
            ("proc.aexe[2]", "nginx: master process"),
            ("proc.exepath", "/bin/cat"),
            ("proc.pexepath", "/bin/dash"),
            ("proc.aexepath[2]", "/usr/sbin/nginx"),
            ("proc.args", "/etc/shadow"),
            ("proc.args[0]", "/etc/shadow"),
            ("proc.args[1]", "-"),
            ("proc.cmdline", "cat /etc/shadow"),
            ("proc.pcmdline", "sh -c id; cat /etc/shadow"),
            ("proc.acmdline[2]", "nginx"),
            ("proc.exeline", "cat /etc/shadow"),
            ("proc.cmdnargs", "1"),
            ("proc.cmdlenargs", "11"),
            ("proc.cwd", "/var/www/"),
            ("proc.tty", "34816"),
            ("proc.pid", "201"),
            ("proc.ppid", "200"),
            ("proc.apid[2]", "100"),
            ("proc.vpid", "21"),
            ("proc.pvpid", "20"),
            ("proc.sname", "nginx"),
            ("proc.sid.exepath", "/usr/sbin/nginx"),
            ("proc.is_sid_leader", "false"),
            ("proc.pgid.name", "sh"),
            ("proc.vpgid.name", "sh"),
            ("proc.is_vpgid_leader", "false"),
            ("proc.loginshellid", "200"),
            ("proc.is_exe_upper_layer", "true"),
            ("proc.is_exe_from_memfd", "false"),
            ("proc.exe_ino", "12"),
        ],
    );
    assert_eq!(value(&event, "proc.aname"), Value::Any(vec![Value::text("sh"), Value::text("nginx")]));
    assert_eq!(value(&event, "proc.duration"), Value::Uint(1_000_000_000));
    assert_eq!(value(&event, "proc.ppid.duration"), Value::Uint(2_000_000_001));
    assert_eq!(value(&event, "proc.exe_ino.ctime_duration_proc_start"), Value::Uint(1));
}

#[test]
fn what_is_not_known_of_a_process_is_absent_not_zero() {
    let event = event(exec(), Process::default(), None);
    for name in [
        "proc.name",
        "proc.cmdline",
        "proc.args",
        "proc.exe",
        "proc.exepath",
        "proc.cwd",
        "proc.pid",
        "proc.vpid",
        "proc.pname",
        "proc.aname",
        "proc.sname",
        "proc.is_vpgid_leader",
        "proc.duration",
        "proc.exe_ino.ctime",
    ] {
        assert_eq!(ask(&event, name), None, "{name}");
    }
    // No terminal is a fact.
    says(
        &event,
        &[
            ("proc.tty", "0"),
            ("user.uid", "0"),
            ("user.loginuid", "-1"),
            ("user.loginname", "-"),
            ("user.name", "-"),
        ],
    );
    let nameless = Process { exe_path: b"/x".to_vec(), ..Process::default() };
    let named = crate::event::sample::event(exec(), nameless, None);
    assert_eq!(value(&named, "proc.name"), Value::text(""));
}

#[test]
fn the_eldest_in_a_session_stands_for_a_leader_that_is_gone() {
    let parent = Process { pid: 5, sid: 3, comm: b"old".to_vec(), ..Process::default() };
    let child = Process {
        pid: 6,
        sid: 3,
        comm: b"new".to_vec(),
        parent: Some(Arc::new(parent)),
        ..Process::default()
    };
    says(&event(exec(), child, None), &[("proc.sname", "old"), ("proc.is_sid_leader", "false")]);
    let leader = Process { pid: 6, sid: 6, comm: b"own".to_vec(), ..Process::default() };
    says(&event(exec(), leader, None), &[("proc.sname", "own"), ("proc.is_sid_leader", "true")]);
}

#[test]
fn bytes_that_are_no_utf8_pass_through() {
    let odd = Process {
        comm: b"\xffsh".to_vec(),
        args: vec![b"x".to_vec(), b"\xc3(".to_vec()],
        ..Process::default()
    };
    let odd = event(exec(), odd, None);
    assert_eq!(value(&odd, "proc.cmdline"), Value::text(b"\xffsh \xc3("));
    assert_eq!(value(&odd, "proc.exe"), Value::text("x"));
}

#[test]
fn ids_and_capabilities_are_the_effective_ones() {
    says(
        &of(exec()),
        &[
            ("user.uid", "0"),
            ("user.name", "root"),
            ("group.gid", "42"),
            ("group.name", "shadow"),
            ("user.loginuid", "-1"),
            ("thread.tid", "201"),
            ("thread.ismain", "true"),
            ("thread.nametid", "cat201"),
            ("thread.cap_effective", "CAP_DAC_OVERRIDE CAP_SYS_ADMIN"),
            ("thread.cap_permitted", ""),
        ],
    );
    let login = Process { loginuid: Some(1000), login_user: Some("ann".to_owned()), ..Process::default() };
    says(&event(exec(), login, None), &[("user.loginuid", "1000"), ("user.loginname", "ann")]);
}

#[test]
fn a_script_is_told_beside_its_interpreter() {
    let script =
        Process { script_path: b"/srv/run.sh".to_vec(), exe_path: b"/bin/dash".to_vec(), ..process() };
    let event = event(exec(), script, None);
    says(&event, &[("proc.scriptpath", "/srv/run.sh"), ("proc.exepath", "/bin/dash")]);
    says(&of(exec()), &[("proc.scriptpath", "-")]);
}
