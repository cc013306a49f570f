//! Fields of a file that was opened or not.

use nightjar_events::event::open::NUMBER_UNKNOWN;

use super::*;

#[test]
fn an_opened_file_is_where_the_kernel_found_it() {
    says(
        &of(open(|_, _| ())),
        &[
            ("fd.num", "3"),
            ("fd.type", "file"),
            ("fd.typechar", "f"),
            ("fd.name", "/etc/shadow"),
            ("fd.nameraw", "/etc/shadow"),
            ("fd.directory", "/etc"),
            ("fd.filename", "shadow"),
            ("fd.containername", "3f4e5d6c7b8a:/etc/shadow"),
            ("fd.containerdirectory", "3f4e5d6c7b8a:/etc"),
            ("fd.ino", "77"),
            ("fd.dev", "1050668"),
            ("fd.dev.major", "8"),
            ("fd.dev.minor", "300"),
            ("fd.uid", "2013"),
            ("fd.ip", "-"),
            ("fd.l4proto", "-"),
            ("evt.abspath", "/etc/shadow"),
        ],
    );
    let link = of(open(|open, tail| open.spans[1] = tail.put(b"..//up/link", Span::WHOLE)));
    says(&link, &[("fd.name", "/etc/shadow"), ("fd.nameraw", "../up/link")]);
    let dir = of(open(|open, _| open.file_mode = 0o040755));
    says(
        &dir,
        &[
            ("fd.typechar", "d"),
            ("fd.type", "directory"),
            ("fd.directory", "/etc/shadow"),
            ("fd.filename", "-"),
        ],
    );
    let top = of(open(|open, tail| open.spans[0] = tail.path("/vmlinuz", Span::WHOLE)));
    says(&top, &[("fd.directory", "/"), ("fd.filename", "vmlinuz")]);
}

#[test]
fn a_descriptor_whose_number_is_not_known_is_one_all_the_same() {
    let shared = of(open(|open, _| open.result = NUMBER_UNKNOWN));
    says(&shared, &[("fd.name", "/etc/shadow"), ("evt.res", "SUCCESS"), ("evt.failed", "false")]);
    for field in ["fd.num", "evt.rawres"] {
        assert_eq!(value(&shared, field), Value::AtLeast(0), "{field}");
    }
    assert_eq!(value(&shared, "fd.uid"), Value::Text(Text::cut(&b"201"[..], Cut::Back)));
    let number =
        |name: &str| lookup("evt.rawarg").expect("a field").value(&shared, &Arg::Key(name.to_owned()));
    assert_eq!((number("res"), number("fd")), (Value::AtLeast(0), Value::AtLeast(0)));
}

#[test]
fn a_failed_open_is_told_by_what_was_asked_for() {
    says(
        &of(failed_open(b"../../etc//./shadow", -100)),
        &[
            ("fd.num", "-1"),
            ("fd.typechar", "f"),
            ("fd.name", "/etc/shadow"),
            ("fd.nameraw", "../../etc/./shadow"),
            ("fd.directory", "/etc"),
            ("fd.filename", "shadow"),
            ("fd.ino", "-"),
        ],
    );
    // Relative to a descriptor: only the end of the path is known.
    let text = |bytes: &'static [u8], cut| Value::Text(Text::cut(bytes, cut));
    let beneath = of(failed_open(b"a/b", 7));
    assert_eq!(value(&beneath, "fd.name"), text(b"a/b", Cut::Front));
    assert_eq!(value(&beneath, "fd.directory"), text(b"a", Cut::Front));
    assert_eq!(value(&beneath, "fd.filename"), text(b"b", Cut::None));
    assert_eq!(value(&of(failed_open(b"b", 7)), "fd.directory"), Value::Absent);
    let wants_dir = of(open(|open, tail| {
        open.spans = [Span::default(), tail.put(b"/x", Span::WHOLE)];
        (open.result, open.flags) = (-2, 0o200000);
    }));
    says(&wants_dir, &[("fd.typechar", "d")]);
}

#[test]
fn what_is_missing_of_a_path_is_missing_of_what_is_made_of_it() {
    let text = |bytes: &'static [u8], cut| Value::Text(Text::cut(bytes, cut));
    let deep = of(open(|open, tail| open.spans[0] = tail.path("deep/down/file", Span::CUT)));
    assert_eq!(value(&deep, "fd.name"), text(b"deep/down/file", Cut::Front));
    assert_eq!(value(&deep, "fd.directory"), text(b"deep/down", Cut::Front));
    assert_eq!(value(&deep, "fd.filename"), text(b"file", Cut::None));
    assert_eq!(value(&deep, "fd.containername"), text(b"3f4e5d6c7b8a:", Cut::Back));
    let long = of(open(|open, tail| {
        open.result = -36;
        open.spans = [Span::default(), tail.put(b"/a/lon", Span::CUT)];
    }));
    assert_eq!(value(&long, "fd.name"), text(b"/a/lon", Cut::Back));
    assert_eq!(value(&long, "fd.directory"), text(b"/a", Cut::Back));
    assert_eq!(value(&long, "fd.filename"), text(b"lon", Cut::Back));
    let unread = of(open(|open, _| {
        open.result = -14;
        open.spans[1].state = Span::FAULT;
    }));
    assert_eq!((value(&unread, "fd.name"), value(&unread, "fd.nameraw")), (Value::Absent, Value::Absent));
    let cut_exe = Process { exe_path: b"bin/x".to_vec(), exe_path_cut: true, ..Process::default() };
    assert_eq!(value(&event(exec(), cut_exe, None), "proc.exepath"), text(b"bin/x", Cut::Front));
}
