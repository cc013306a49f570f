//! `exec`.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write,
    os::{
        fd::AsRawFd,
        linux::fs::MetadataExt,
        unix::{ffi::OsStrExt, fs::PermissionsExt, process::CommandExt},
    },
    process::{Command, Stdio},
};

use nightjar_engine::Value;
use nightjar_events::{Cut, Kind, event::exec, wire::ARGV_MAX};
use nightjar_tests::{Eyes, Seen};

use crate::deed::{c, copy_of};

/// Runs a command and gives the record of its exec.
fn seen(command: &mut Command) -> Seen {
    let eyes = Eyes::open();
    let mut child = command.stdout(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
    let seen = eyes.wait_for(Kind::Exec, child.id());
    child.wait().unwrap();
    seen
}

fn flags(seen: &Seen) -> u32 {
    seen.number(&exec::FLAGS_FIELD) as u32
}

#[test]
fn a_program_is_seen_with_who_ran_it_and_from_where() {
    let seen = seen(Command::new("/bin/sleep").arg("0").current_dir("/usr/share"));
    let file = fs::canonicalize("/bin/sleep").unwrap();
    let meta = fs::metadata(&file).unwrap();

    assert_eq!(seen.text(&exec::EXE), file.to_str().unwrap());
    assert_eq!(seen.text(&exec::FILENAME), "/bin/sleep");
    assert_eq!(seen.text(&exec::CWD), "/usr/share");
    assert_eq!(seen.list(&exec::ARGS), [b"/bin/sleep".to_vec(), b"0".to_vec()]);
    assert_eq!(seen.number(&exec::ARGC), 2);
    assert_eq!(seen.text(&exec::COMM), "sleep");
    assert_eq!(seen.number(&exec::EXE_INODE), meta.st_ino().into());
    let (major, minor) = (libc::major(meta.st_dev()), libc::minor(meta.st_dev()));
    assert_eq!(seen.number(&exec::EXE_DEV), (major << 20 | minor).into());
    assert_eq!(
        seen.number(&exec::EXE_MTIME),
        (meta.st_mtime() * 1_000_000_000 + meta.st_mtime_nsec()).into()
    );
    assert_eq!(
        seen.number(&exec::EXE_CTIME),
        (meta.st_ctime() * 1_000_000_000 + meta.st_ctime_nsec()).into()
    );
    assert_eq!(seen.number(&exec::PPID), std::process::id().into());
    assert_eq!(flags(&seen), 0);
    assert_eq!(seen.0.header.pid, seen.0.header.tid);
}

#[test]
fn the_name_before_is_the_one_the_thread_had() {
    let seen = seen(Command::new("/bin/sh").args(["-c", "exec /bin/sleep 0"]));
    assert_eq!(seen.text(&exec::COMM), "sh");
    let eyes = Eyes::open();
    let mut child = Command::new("/bin/sh").args(["-c", "exec /bin/sleep 0"]).spawn().unwrap();
    let pid = child.id();
    let second = eyes.wait(Kind::Exec, |s| s.0.header.pid == pid && s.text(&exec::COMM) == "sleep");
    child.wait().unwrap();
    assert_eq!(second.text(&exec::COMM_BEFORE), "sh");
}

#[test]
fn ids_namespaces_and_session_are_those_of_proc() {
    let eyes = Eyes::open();
    let mut child = Command::new("/bin/cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let seen = eyes.wait_for(Kind::Exec, pid);
    let inode = |name: &str| -> i128 {
        let link = fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
        let link = link.to_str().unwrap();
        link[link.find('[').unwrap() + 1..link.len() - 1].parse().unwrap()
    };
    for (field, name) in [
        (&exec::MNT_NS, "mnt"),
        (&exec::PID_NS, "pid"),
        (&exec::NET_NS, "net"),
        (&exec::USER_NS, "user"),
        (&exec::UTS_NS, "uts"),
        (&exec::IPC_NS, "ipc"),
        (&exec::CGROUP_NS, "cgroup"),
    ] {
        assert_eq!(seen.number(field), inode(name), "{name}");
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let stat: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    assert_eq!(seen.number(&exec::PGID), stat[2].parse().unwrap());
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for (field, name) in [(&exec::VPID, "NSpid:"), (&exec::VPGID, "NSpgid:")] {
        let ids = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let inner: i128 = ids.split_whitespace().last().unwrap().parse().unwrap();
        assert_eq!(seen.number(field), inner, "{name}");
    }
    assert_eq!(seen.number(&exec::SID), stat[3].parse().unwrap());
    assert_eq!(seen.number(&exec::TTY), stat[4].parse().unwrap());
    let ticks = seen.0.header.start / 10_000_000;
    assert_eq!(ticks, stat[19].parse::<u64>().unwrap(), "start time, in ticks of 10 ms");
    let loginuid = fs::read_to_string(format!("/proc/{pid}/loginuid")).unwrap();
    assert_eq!(seen.number(&exec::LOGINUID), loginuid.trim().parse().unwrap());
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn capabilities_and_user_are_those_of_the_new_program() {
    let mut command = Command::new("/bin/sleep");
    command.arg("0").uid(65534).gid(65533);
    let seen = seen(&mut command);
    assert_eq!(seen.number(&exec::UID), 65534);
    assert_eq!(seen.number(&exec::EUID), 65534);
    assert_eq!(seen.number(&exec::GID), 65533);
    assert_eq!(seen.number(&exec::EGID), 65533);
    assert_eq!(seen.0.header.uid, 65534);
    assert_eq!(seen.number(&exec::CAP_EFFECTIVE), 0);
    assert_eq!(seen.number(&exec::CAP_PERMITTED), 0);

    let seen = self::seen(Command::new("/bin/sleep").arg("0"));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    for (field, name) in [(&exec::CAP_EFFECTIVE, "CapEff:\t"), (&exec::CAP_INHERITABLE, "CapInh:\t")] {
        let own = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert_eq!(seen.number(field), u64::from_str_radix(own, 16).unwrap().into(), "{name}");
    }
}

#[test]
fn an_inheritable_capability_is_told() {
    let mut command = Command::new("/bin/sleep");
    // SAFETY: two system calls with structs that live until they return.
    unsafe { command.arg("0").pre_exec(make_inheritable) };
    assert_eq!(seen(&mut command).number(&exec::CAP_INHERITABLE), 1 << CAP_CHOWN);
}

const CAP_CHOWN: u32 = 0;

/// Makes CAP_CHOWN, and nothing else, inheritable (capset(2), version 3 of its structs).
fn make_inheritable() -> std::io::Result<()> {
    let mut header = [0x2008_0522u32, 0];
    let mut data = [[0u32; 3]; 2];
    // SAFETY: the arrays are what the kernel's structs are: version and pid; twice effective, permitted, inheritable.
    unsafe {
        if libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr()) == 0 {
            (data[0][2], data[1][2]) = (1 << CAP_CHOWN, 0);
            if libc::syscall(libc::SYS_capset, header.as_mut_ptr(), data.as_ptr()) == 0 {
                return Ok(());
            }
        }
    }
    Err(std::io::Error::last_os_error())
}

/// A program of an image, and one that was written over it, in an overlay that only the new process sees.
#[test]
fn what_was_written_over_an_image_is_told_from_what_is_in_it() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let layer = |name: &str| {
        let path = dir.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let (lower, upper, work, merged) = (layer("lower"), layer("upper"), layer("work"), layer("merged"));
    copy_of("/bin/sleep", &lower.join("sleep"));
    copy_of("/bin/sleep", &upper.join("malware"));
    let options =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let run = |name: &str| {
        let (options, at) = (c(&options), c(&merged));
        let mut command = Command::new(merged.join(name));
        // SAFETY: system calls with strings that live until they return.
        unsafe {
            command.arg0("sleep").arg("0").pre_exec(move || {
                let done = libc::unshare(libc::CLONE_NEWNS) == 0
                    && libc::mount(
                        std::ptr::null(),
                        c"/".as_ptr(),
                        std::ptr::null(),
                        libc::MS_REC | libc::MS_PRIVATE,
                        std::ptr::null(),
                    ) == 0
                    && libc::mount(
                        c"overlay".as_ptr(),
                        at.as_ptr(),
                        c"overlay".as_ptr(),
                        0,
                        options.as_ptr().cast(),
                    ) == 0;
                if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            })
        };
        seen(&mut command)
    };
    let of_image = run("sleep");
    assert_eq!(of_image.text(&exec::EXE), merged.join("sleep").to_str().unwrap());
    assert_eq!(flags(&of_image), 0);
    assert_eq!(flags(&run("malware")), exec::EXE_UPPER_LAYER);
}

#[test]
fn a_set_user_id_program_has_another_effective_user() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("setuid-sleep");
    copy_of("/bin/sleep", &program);
    std::os::unix::fs::chown(&program, Some(65532), None).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let mut command = Command::new(&program);
    command.arg("0").uid(65534).gid(65533);
    let seen = seen(&mut command);
    assert_eq!((seen.number(&exec::UID), seen.number(&exec::EUID)), (65534, 65532));
}

#[test]
fn arguments_arrive_byte_for_byte() {
    let hostile: [&[u8]; 6] = [
        b"a\nb",
        b"\x1b[31mred\x1b[0m",
        b"\xff\xfe invalid",
        b"",
        b"tab\tquote\"back\\",
        "\u{202e}rtl".as_bytes(),
    ];
    let seen = seen(Command::new("/bin/true").args(hostile.map(OsStr::from_bytes)));
    let args = seen.list(&exec::ARGS);
    assert_eq!(args[0], b"/bin/true");
    assert_eq!(args[1..], hostile.map(<[u8]>::to_vec));
    assert_eq!(seen.number(&exec::ARGC), 7);
}

#[test]
fn ten_thousand_arguments_are_counted_and_marked_cut() {
    let seen = seen(Command::new("/bin/true").args((0..9_999).map(|n| n.to_string())));
    assert_eq!(seen.number(&exec::ARGC), 10_000);
    let Value::List(args) = seen.value(&exec::ARGS) else { panic!("no list") };
    assert_eq!(args.last().unwrap().cut, Cut::Back);
    assert!(args[..args.len() - 1].iter().all(|arg| arg.cut == Cut::None));
    assert_eq!(&*args[1_000].bytes, b"999");
    let kept: usize = args.iter().map(|arg| arg.bytes.len() + 1).sum();
    assert_eq!(kept, ARGV_MAX + 1);
}

#[test]
fn arguments_that_just_fit_are_whole() {
    // "/bin/true\0" and one argument with its NUL.
    let long = "x".repeat(ARGV_MAX - 11);
    let seen = seen(Command::new("/bin/true").arg(&long));
    let Value::List(args) = seen.value(&exec::ARGS) else { panic!("no list") };
    assert_eq!(args.last().unwrap().cut, Cut::None);
    assert_eq!(args[1].bytes.len(), long.len());
}

#[test]
fn a_script_is_told_with_its_interpreter() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    let draft = dir.path().join("draft");
    fs::write(&draft, "#!/bin/sh -e\nexit 0\n").unwrap();
    copy_of(draft.to_str().unwrap(), &script);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let seen = seen(Command::new("./script").arg("one").current_dir(dir.path()));
    assert_eq!(seen.text(&exec::EXE), fs::canonicalize("/bin/sh").unwrap().to_str().unwrap());
    assert_eq!(seen.text(&exec::FILENAME), "./script");
    assert_eq!(seen.text(&exec::CWD), dir.path().to_str().unwrap());
    assert_eq!(seen.list(&exec::ARGS), [&b"/bin/sh"[..], b"-e", b"./script", b"one"]);
    assert_eq!(seen.text(&exec::COMM), "script");
    assert_eq!(flags(&seen), exec::SCRIPT);
}

#[test]
fn a_program_whose_file_was_deleted_is_marked() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let program = dir.path().join("gone");
    copy_of("/bin/sleep", &program);
    let file = File::open(&program).unwrap();
    fs::remove_file(&program).unwrap();
    let seen = seen(&mut by_descriptor(&file));
    assert_eq!(flags(&seen), exec::EXE_DELETED);
    assert_eq!(seen.text(&exec::EXE), program.to_str().unwrap());
    assert_eq!(seen.number(&exec::EXE_INODE), file.metadata().unwrap().st_ino().into());
}

#[test]
fn a_program_in_a_memfd_is_marked() {
    let fd = rustix::fs::memfd_create("not on disk", rustix::fs::MemfdFlags::empty()).unwrap();
    let mut file = File::from(fd);
    file.write_all(&fs::read("/bin/sleep").unwrap()).unwrap();
    // A descriptor that is open for writing cannot be run.
    let file = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    let seen = seen(&mut by_descriptor(&file));
    assert_eq!(flags(&seen), exec::EXE_MEMFD);
    assert_eq!(seen.text(&exec::EXE), "/memfd:not on disk");
}

#[test]
fn execveat_with_a_descriptor_is_told_apart() {
    let file = File::open("/bin/true").unwrap();
    let seen = seen(&mut by_descriptor(&file));
    assert_eq!(seen.0.header.variant, 1);
    assert_eq!(exec::EVENT.types[1], "execveat");
    assert!(seen.text(&exec::FILENAME).starts_with("/dev/fd/"), "{}", seen.text(&exec::FILENAME));
    assert_eq!(seen.text(&exec::EXE), fs::canonicalize("/bin/true").unwrap().to_str().unwrap());
}

#[test]
fn the_root_of_a_chroot_is_where_its_paths_begin() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::create_dir(dir.path().join("bin")).unwrap();
    copy_of("/bin/busybox", &dir.path().join("bin/busybox"));
    let root = c(dir.path());
    let mut command = Command::new("/bin/busybox");
    // SAFETY: two system calls.
    unsafe {
        command.args(["true"]).pre_exec(move || {
            if libc::chroot(root.as_ptr()) != 0 || libc::chdir(c"/bin".as_ptr()) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        })
    };
    let seen = seen(&mut command);
    assert_eq!(seen.text(&exec::EXE), "/bin/busybox");
    assert_eq!(seen.text(&exec::CWD), "/bin");
}

#[test]
fn a_process_that_lives_a_millisecond_is_seen_whole() {
    let eyes = Eyes::open();
    let pids: Vec<u32> = (0..50)
        .map(|n| {
            let mut child = Command::new("/bin/true").arg(n.to_string()).spawn().unwrap();
            child.wait().unwrap();
            child.id()
        })
        .collect();
    for (n, pid) in pids.iter().enumerate() {
        let seen = eyes.wait_for(Kind::Exec, *pid);
        assert_eq!(seen.list(&exec::ARGS)[1], n.to_string().as_bytes());
        eyes.wait_for(Kind::Exit, *pid);
    }
}

/// Runs an open file through execveat(fd, "", AT_EMPTY_PATH), with `0` as its argument.
pub fn by_descriptor(file: &File) -> Command {
    let fd = file.as_raw_fd();
    let mut command = Command::new("/bin/false");
    // SAFETY: one system call, whose arrays live until it returns.
    unsafe {
        command.pre_exec(move || {
            let args = [c"program".as_ptr(), c"0".as_ptr(), std::ptr::null()];
            let env = [std::ptr::null::<libc::c_char>()];
            libc::syscall(
                libc::SYS_execveat,
                fd,
                c"".as_ptr(),
                args.as_ptr(),
                env.as_ptr(),
                libc::AT_EMPTY_PATH,
            );
            Err(std::io::Error::last_os_error())
        })
    };
    command
}
