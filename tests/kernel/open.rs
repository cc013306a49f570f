//! `open`.

use std::{
    collections::HashMap,
    ffi::CString,
    fs::{self, File, OpenOptions},
    os::{
        fd::AsRawFd,
        linux::fs::MetadataExt,
        unix::fs::{OpenOptionsExt, symlink},
    },
    path::Path,
    sync::{Arc, Barrier},
};

use nightjar_engine::Value;
use nightjar_events::{Cut, Kind, event::open, wire::PATH_DEPTH_MAX};
use nightjar_tests::{Eyes, Seen, family, skipped};

use crate::deed::{c, errno, in_child, with_own_descriptors};

const ENOENT: i128 = -2;
const ENAMETOOLONG: i64 = -36;

/// The record of this process's open that was given `name`.
fn of(eyes: &Eyes, name: impl AsRef<std::ffi::OsStr>) -> Seen {
    let name = name.as_ref().as_encoded_bytes().to_vec();
    eyes.wait(Kind::Open, |seen| seen.0.header.pid == std::process::id() && seen.bytes(&open::NAME) == name)
}

fn type_of(seen: &Seen) -> &'static str {
    open::EVENT.types[usize::from(seen.0.header.variant)]
}

#[test]
fn an_opened_file_is_told_by_the_kernels_own_path() {
    with_own_descriptors(open_by_a_detour);
}

fn open_by_a_detour() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let real = dir.path().join("real");
    fs::write(&real, "x").unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    let detour = dir.path().join("../").join(dir.path().file_name().unwrap()).join("link");
    let eyes = Eyes::open();
    let file = File::open(&detour).unwrap();
    let seen = of(&eyes, &detour);
    let meta = file.metadata().unwrap();
    assert_eq!(seen.text(&open::PATH), real.to_str().unwrap());
    assert_eq!(seen.number(&open::RESULT), file.as_raw_fd().into());
    assert_eq!(seen.number(&open::INODE), meta.st_ino().into());
    assert_eq!(seen.number(&open::FILE_MODE), (meta.st_mode() & 0o7777).into());
    assert_eq!(seen.text(&open::FILE_TYPE), "file");
    assert_eq!(seen.value(&open::CREATED), Value::Bool(false));
    assert_eq!(seen.value(&open::UNNAMED), Value::Bool(false));
    assert_eq!(seen.number(&open::FLAGS) as i32, libc::O_RDONLY | libc::O_CLOEXEC);
    let (major, minor) = (libc::major(meta.st_dev()), libc::minor(meta.st_dev()));
    assert_eq!(seen.number(&open::DEV), (major << 20 | minor).into());
    assert_eq!(type_of(&seen), "openat");
}

#[test]
fn a_descriptor_that_threads_share_has_no_number_by_fentry() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let path = dir.path().join(name);
        symlink("/dev/null", &path).unwrap();
        let eyes = Eyes::open();
        let file = File::open(&path).unwrap();
        (of(&eyes, &path).value(&open::RESULT).into_owned(), file)
    };
    let (shared, file) = open("shared");
    let number = |file: &File| i64::from(file.as_raw_fd());
    let by_fentry = family(Kind::Open) == "fentry";
    assert_eq!(shared, if by_fentry { Value::AtLeast(0) } else { Value::Int(number(&file)) });
    with_own_descriptors(|| {
        let (result, above) = open("above");
        assert_eq!(result, Value::Int(number(&above)));
        // SAFETY: closed in this thread's table alone.
        assert_eq!(unsafe { libc::close(file.as_raw_fd()) }, 0);
        // One that fills a gap (threads of before may have left others), and one that comes behind all.
        let (result, between) = open("between");
        assert!(number(&between) <= number(&file));
        assert_eq!(result, Value::Int(number(&between)));
        let (result, last) = open("last");
        assert_eq!(result, Value::Int(number(&last)));
    });
}

#[test]
fn a_created_file_is_told_with_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new");
    let eyes = Eyes::open();
    OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path).unwrap();
    let seen = of(&eyes, &path);
    assert_eq!(seen.value(&open::CREATED), Value::Bool(true));
    assert_eq!(seen.number(&open::MODE), 0o640);
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    assert_eq!(seen.number(&open::FLAGS) as i32, flags);
    OpenOptions::new().write(true).create(true).truncate(false).open(&path).unwrap();
    assert_eq!(of(&eyes, &path).value(&open::CREATED), Value::Bool(false));
}

#[test]
fn each_system_call_says_which_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| c(dir.path().join(name));
    let eyes = Eyes::open();
    let how: [u64; 3] = [(libc::O_RDWR | libc::O_CREAT) as u64, 0o600, 0x04];
    // SAFETY: system calls with valid strings; the descriptors live as long as the test.
    unsafe {
        libc::syscall(libc::SYS_creat, path("creat").as_ptr(), 0o600);
        libc::syscall(libc::SYS_open, path("open").as_ptr(), libc::O_RDWR | libc::O_CREAT, 0o600);
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            path("openat").as_ptr(),
            libc::O_RDWR | libc::O_CREAT,
            0o600,
        );
        libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path("openat2").as_ptr(),
            how.as_ptr(),
            size_of_val(&how),
        );
    }
    for name in ["creat", "open", "openat", "openat2"] {
        let seen = of(&eyes, dir.path().join(name));
        assert_eq!(type_of(&seen), name);
        assert_eq!(seen.number(&open::MODE), 0o600, "{name}");
        assert_eq!(seen.value(&open::CREATED), Value::Bool(true), "{name}");
        assert_eq!(seen.number(&open::RESOLVE), if name == "openat2" { 4 } else { 0 }, "{name}");
    }
}

#[test]
fn a_failed_open_is_told_with_its_errno() {
    let eyes = Eyes::open();
    let path = "/nonexistent/nightjar/file";
    File::open(path).unwrap_err();
    let seen = of(&eyes, path);
    assert_eq!(seen.number(&open::RESULT), ENOENT);
    assert!(seen.is_absent(&open::PATH));
    assert!(seen.is_absent(&open::INODE));
    assert!(seen.is_absent(&open::FILE_TYPE));
}

#[test]
fn a_relative_open_is_told_with_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("relative-nightjar"), "").unwrap();
    let dirfd = File::open(dir.path()).unwrap();
    let eyes = Eyes::open();
    // SAFETY: a system call with a valid string.
    let fd = unsafe { libc::openat(dirfd.as_raw_fd(), c"relative-nightjar".as_ptr(), libc::O_RDONLY) };
    assert!(fd >= 0);
    let seen = of(&eyes, "relative-nightjar");
    assert_eq!(seen.number(&open::DIRFD), dirfd.as_raw_fd().into());
    assert_eq!(seen.text(&open::PATH), dir.path().join("relative-nightjar").to_str().unwrap());
}

#[test]
fn a_file_without_a_name_is_marked() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let eyes = Eyes::open();
    let path = c(dir.path());
    // SAFETY: a system call with a valid string.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_TMPFILE | libc::O_RDWR, 0o600) };
    assert!(fd >= 0, "O_TMPFILE: {}", errno());
    let seen = eyes.wait(Kind::Open, |s| {
        s.0.header.pid == std::process::id()
            && s.number(&open::FLAGS) as i32 & libc::O_TMPFILE == libc::O_TMPFILE
    });
    assert_eq!(seen.value(&open::UNNAMED), Value::Bool(true));
    assert_eq!(seen.text(&open::FILE_TYPE), "file");
    assert!(seen.text(&open::PATH).starts_with(dir.path().to_str().unwrap()), "{}", seen.text(&open::PATH));
}

#[test]
fn a_deleted_file_reached_through_proc_is_marked_and_named() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let path = dir.path().join("deleted");
    let file = File::create(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let eyes = Eyes::open();
    let detour = format!("/proc/self/fd/{}", file.as_raw_fd());
    let again = File::open(&detour).unwrap();
    let seen = of(&eyes, &detour);
    assert_eq!(seen.value(&open::UNNAMED), Value::Bool(true));
    assert_eq!(seen.text(&open::PATH), path.to_str().unwrap());
    assert_eq!(seen.number(&open::INODE), again.metadata().unwrap().st_ino().into());
}

#[test]
fn a_file_in_a_mount_that_hangs_nowhere_is_told_by_its_filesystems_path() {
    const OPEN_TREE_CLONE: u32 = 1;
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let path = dir.path().join("mounted");
    fs::write(&path, "").unwrap();
    // SAFETY: a system call with a valid string.
    let mount =
        unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, c(&path).as_ptr(), OPEN_TREE_CLONE) };
    assert!(mount >= 0, "open_tree: {}", errno());
    let eyes = Eyes::open();
    let detour = format!("/proc/self/fd/{mount}");
    File::open(&detour).unwrap();
    let told = of(&eyes, &detour).text(&open::PATH);
    assert!(told.len() > 1 && path.to_str().unwrap().ends_with(&told), "{told}");
}

#[test]
fn a_pipe_reached_through_proc_has_a_type_and_no_path() {
    let (reader, _writer) = std::io::pipe().unwrap();
    let eyes = Eyes::open();
    let detour = format!("/proc/self/fd/{}", reader.as_raw_fd());
    File::open(&detour).unwrap();
    let seen = of(&eyes, &detour);
    assert!(seen.is_absent(&open::PATH));
    assert_eq!(seen.text(&open::FILE_TYPE), "fifo");
}

#[test]
fn types_of_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    // SAFETY: a system call with a valid string.
    assert_eq!(unsafe { libc::mkfifo(c(&fifo).as_ptr(), 0o600) }, 0);
    let eyes = Eyes::open();
    let _fifo = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
    let _null = File::open("/dev/null").unwrap();
    let _dir = File::open(dir.path()).unwrap();
    assert_eq!(of(&eyes, &fifo).text(&open::FILE_TYPE), "fifo");
    assert_eq!(of(&eyes, "/dev/null").text(&open::FILE_TYPE), "char_device");
    assert_eq!(of(&eyes, dir.path()).text(&open::FILE_TYPE), "dir");
}

#[test]
fn the_longest_path_is_whole_and_a_longer_one_is_marked() {
    let longest = "/nightjar".repeat(454) + "/" + &"z".repeat(4094 - 454 * 9);
    assert_eq!(longest.len(), 4095);
    let eyes = Eyes::open();
    File::open(&longest).unwrap_err();
    let seen = of(&eyes, &longest);
    let Value::Text(name) = seen.value(&open::NAME) else { panic!("no name") };
    assert_eq!(name.cut, Cut::None);
    assert_eq!(seen.number(&open::RESULT), ENOENT);

    let longer = CString::new(format!("{longest}tail")).unwrap();
    // SAFETY: a system call with a valid string.
    assert_eq!(unsafe { libc::open(longer.as_ptr(), libc::O_RDONLY) }, -1);
    let seen = eyes.wait(Kind::Open, |s| {
        s.0.header.pid == std::process::id() && s.value(&open::RESULT) == Value::Int(ENAMETOOLONG)
    });
    let Value::Text(name) = seen.value(&open::NAME) else { panic!("no name") };
    assert_eq!(name.cut, Cut::Back);
    assert_eq!(name.bytes[..], longer.as_bytes()[..4096]);
}

#[test]
fn a_deep_directory_keeps_its_leaf_and_says_that_its_front_is_missing() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let deep = |parts: usize| (0..parts).fold(dir.path().to_owned(), |path, n| path.join(format!("d{n}")));
    // Components of the temporary directory itself count too.
    let above = dir.path().components().count() - 1;
    let fits = PATH_DEPTH_MAX as usize - above - 8;
    for (parts, cut) in [(fits, Cut::None), (PATH_DEPTH_MAX as usize + 8, Cut::Front)] {
        fs::create_dir_all(deep(parts)).unwrap();
        let path = deep(parts).join("leaf");
        let eyes = Eyes::open();
        File::create(&path).unwrap();
        let seen = of(&eyes, &path);
        let Value::Text(told) = seen.value(&open::PATH) else { panic!("no path") };
        assert_eq!(told.cut, cut, "{parts} parts");
        let told = String::from_utf8(told.bytes.into_owned()).unwrap();
        match cut {
            Cut::None => assert_eq!(Path::new(&told), path),
            Cut::Front | Cut::Back => {
                assert!(path.to_str().unwrap().ends_with(&told), "{told}");
                assert!(!told.starts_with('/'), "{told}");
            }
        }
    }
}

#[test]
fn names_arrive_byte_for_byte() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(std::ffi::OsStr::from_bytes(b"new\nline\x1b[0m\xff"));
    let eyes = Eyes::open();
    File::create(&path).unwrap();
    let seen = of(&eyes, &path);
    assert_eq!(seen.bytes(&open::PATH), path.as_os_str().as_bytes());
}

/// open(2) by the entry for 32-bit programs, of a path below 4 GiB.
#[cfg(target_arch = "x86_64")]
fn open_by_the_32_bit_entry(path: &std::ffi::CStr) -> i32 {
    const I386_OPEN: i32 = 5;
    let mut result = I386_OPEN;
    // SAFETY: a page of our own, and a system call that only reads from it; rbx is given back.
    unsafe {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let page = libc::mmap(std::ptr::null_mut(), 4096, prot, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        page.cast::<u8>().copy_from(path.as_ptr().cast(), path.to_bytes_with_nul().len());
        std::arch::asm!(
            "xchg rbx, {path}", "int 0x80", "xchg rbx, {path}",
            path = inout(reg) page => _, inout("eax") result, in("ecx") libc::O_RDONLY, in("edx") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_open_by_the_32_bit_entry_is_told_by_fentry_and_not_by_tracepoints() {
    with_own_descriptors(open_by_32_bits);
}

#[cfg(target_arch = "x86_64")]
fn open_by_32_bits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opened");
    fs::write(&path, "").unwrap();
    let eyes = Eyes::open();
    let fd = open_by_the_32_bit_entry(&c(&path));
    assert!(fd >= 0, "{fd}");
    let last = dir.path().join("last");
    File::open(&last).unwrap_err();
    let (_, before) =
        eyes.until(Kind::Open, |seen| seen.bytes(&open::NAME) == last.as_os_str().as_encoded_bytes());
    // What wrote the file may be told here too.
    let told = before.iter().find(|seen| {
        seen.0.body.kind() == Kind::Open
            && seen.bytes(&open::NAME) == path.as_os_str().as_encoded_bytes()
            && seen.number(&open::FLAGS) as i32 == libc::O_RDONLY
    });
    assert_eq!(told.is_some(), family(Kind::Open) == "fentry");
    if let Some(seen) = told {
        assert_eq!((type_of(seen), seen.number(&open::RESULT)), ("open", fd.into()));
        assert_eq!(seen.text(&open::PATH), path.to_str().unwrap());
    }
}

#[test]
fn two_hundred_threads_opening_at_once_are_seen_or_known_to_be_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let eyes = Eyes::open();
    let skipped_before = skipped(Kind::Open);
    let start = Arc::new(Barrier::new(200));
    let threads: Vec<_> = (0..200)
        .map(|n| {
            let (start, path) = (start.clone(), dir.path().join(format!("thread-{n}")));
            std::thread::spawn(move || {
                start.wait();
                File::create(&path).unwrap();
                // SAFETY: no arguments.
                (path.to_str().unwrap().to_owned(), unsafe { libc::gettid() } as u32)
            })
        })
        .collect();
    let mut expected: HashMap<_, _> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let mut last = in_child(|| 0);
    last.wait().unwrap();
    let (_, before) = eyes.until(Kind::Exit, |seen| seen.0.header.pid == last.id());
    for seen in before.iter().filter(|seen| seen.0.body.kind() == Kind::Open) {
        let name = seen.text(&open::NAME);
        if let Some(tid) = expected.remove(&name) {
            assert_eq!((seen.0.header.tid, seen.text(&open::PATH)), (tid, name));
        }
    }
    let skipped = skipped(Kind::Open) - skipped_before;
    println!("{} of 200 opens not seen, {skipped} programs skipped", expected.len());
    assert!(expected.len() as u64 <= skipped, "{skipped} skipped, but not seen: {expected:?}");
}
