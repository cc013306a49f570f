//! `proc.*`: the process, its ancestors, the leaders of its session and groups. After an exec the new program.

use super::{Arg, ArgRule, Class, Cut, Field, Type, counted, known, row};
use crate::{
    event::{Event, Process},
    value::{Text, Value, join},
};

pub(super) static CLASS: Class = Class {
    name: "proc",
    doc: "The process that did it; after an exec the new program. An index counts ancestors: `[0]` is the process itself, `[1]` its parent. Without an index, the fields of ancestors are compared with every ancestor, not with the process itself.",
    rows: ROWS,
};

static ROWS: &[Field] = &[
    row(
        "proc.name",
        Type::Text,
        "Name of the program as the kernel keeps it: at most 15 characters.",
        |e, _| name(&e.process),
    ),
    row("proc.pname", Type::Text, "`proc.name` of the parent.", |e, _| parent(e, name)),
    ancestors("proc.aname", Type::Text, "`proc.name` of an ancestor.", |e, a| up(e, a, name)),
    row(
        "proc.exe",
        Type::Text,
        "First argument as the caller gave it: what the program was told it is called.",
        |e, _| exe(&e.process),
    ),
    row("proc.pexe", Type::Text, "`proc.exe` of the parent.", |e, _| parent(e, exe)),
    ancestors("proc.aexe", Type::Text, "`proc.exe` of an ancestor.", |e, a| up(e, a, exe)),
    row("proc.exepath", Type::Text, "Path of the program's file, from the kernel.", |e, _| {
        exe_path(&e.process)
    }),
    row("proc.pexepath", Type::Text, "`proc.exepath` of the parent.", |e, _| parent(e, exe_path)),
    ancestors("proc.aexepath", Type::Text, "`proc.exepath` of an ancestor.", |e, a| up(e, a, exe_path)),
    row(
        "proc.args",
        Type::Text,
        "Arguments without the first, with blanks between. `[0]` is the first after the program's own name.",
        |e, a| match a {
            Arg::Index(n) => nth_arg(&e.process, *n),
            Arg::None | Arg::Key(_) => args(&e.process),
        },
    )
    .arg(ArgRule::OptionalIndex),
    ancestors("proc.aargs", Type::Text, "`proc.args` of an ancestor.", |e, a| up(e, a, args)),
    row("proc.cmdline", Type::Text, "`proc.name` and `proc.args`.", |e, _| cmdline(&e.process)),
    row("proc.pcmdline", Type::Text, "`proc.cmdline` of the parent.", |e, _| parent(e, cmdline)),
    row("proc.pexeline", Type::Text, "`proc.exeline` of the parent. Not a field of Falco's.", |e, _| {
        parent(e, exeline)
    }),
    ancestors("proc.acmdline", Type::Text, "`proc.cmdline` of an ancestor.", |e, a| up(e, a, cmdline)),
    row("proc.exeline", Type::Text, "`proc.exe` and `proc.args`.", |e, _| exeline(&e.process)),
    row(
        "proc.cmdnargs",
        Type::Uint,
        "Number of arguments without the first; absent when they were too many to keep.",
        |e, _| whole_args(&e.process).map_or(Value::Absent, |args| Value::Uint(args.len() as u64)),
    ),
    row(
        "proc.cmdlenargs",
        Type::Uint,
        "Bytes of all arguments without the first; absent when they were too many to keep.",
        |e, _| {
            whole_args(&e.process)
                .map_or(Value::Absent, |args| Value::Uint(args.iter().map(Vec::len).sum::<usize>() as u64))
        },
    ),
    row("proc.cwd", Type::Text, "Working directory, with a slash at its end.", |e, _| cwd(&e.process)),
    row("proc.tty", Type::Uint, "Device number of the controlling terminal, 0 for none.", |e, _| {
        Value::Uint(e.process.tty.into())
    }),
    row("proc.pid", Type::Uint, "Process id.", |e, _| pid(&e.process)),
    row("proc.ppid", Type::Uint, "Process id of the parent.", |e, _| {
        let process = &e.process;
        counted(process.parent.as_ref().map_or(process.ppid, |parent| parent.pid).into())
    }),
    ancestors("proc.apid", Type::Uint, "Process id of an ancestor.", |e, a| up(e, a, pid)),
    row("proc.vpid", Type::Uint, "Process id in its own pid namespace.", |e, _| {
        counted(e.process.vpid.into())
    }),
    row("proc.pvpid", Type::Uint, "`proc.vpid` of the parent.", |e, _| parent(e, |p| counted(p.vpid.into()))),
    row("proc.sid", Type::Uint, "Id of the session.", |e, _| counted(e.process.sid.into())),
    row(
        "proc.sname",
        Type::Text,
        "`proc.name` of the session's leader, or of the eldest ancestor in the session.",
        |e, _| leader(e, session).map_or(Value::Absent, name),
    ),
    row("proc.sid.exe", Type::Text, "`proc.exe` of the same.", |e, _| {
        leader(e, session).map_or(Value::Absent, exe)
    }),
    row("proc.sid.exepath", Type::Text, "`proc.exepath` of the same.", |e, _| {
        leader(e, session).map_or(Value::Absent, exe_path)
    }),
    row("proc.is_sid_leader", Type::Bool, "Whether it leads its session.", |e, _| leads(session(&e.process))),
    row("proc.pgid", Type::Uint, "Id of the process group.", |e, _| counted(e.process.pgid.into())),
    row(
        "proc.pgid.name",
        Type::Text,
        "`proc.name` of the group's leader, or of the eldest ancestor in the group.",
        |e, _| leader(e, group).map_or(Value::Absent, name),
    ),
    row("proc.pgid.exe", Type::Text, "`proc.exe` of the same.", |e, _| {
        leader(e, group).map_or(Value::Absent, exe)
    }),
    row("proc.pgid.exepath", Type::Text, "`proc.exepath` of the same.", |e, _| {
        leader(e, group).map_or(Value::Absent, exe_path)
    }),
    row("proc.is_pgid_leader", Type::Bool, "Whether it leads its process group.", |e, _| {
        leads(group(&e.process))
    }),
    row("proc.vpgid", Type::Uint, "Id of the process group in the process's own pid namespace.", |e, _| {
        counted(e.process.vpgid.into())
    }),
    row(
        "proc.vpgid.name",
        Type::Text,
        "`proc.name` of that group's leader, or of the eldest ancestor in the group.",
        |e, _| leader(e, virtual_group).map_or(Value::Absent, name),
    ),
    row("proc.vpgid.exe", Type::Text, "`proc.exe` of the same.", |e, _| {
        leader(e, virtual_group).map_or(Value::Absent, exe)
    }),
    row("proc.vpgid.exepath", Type::Text, "`proc.exepath` of the same.", |e, _| {
        leader(e, virtual_group).map_or(Value::Absent, exe_path)
    }),
    row(
        "proc.is_vpgid_leader",
        Type::Bool,
        "Whether it leads that group: true for what a person typed at a shell.",
        |e, _| leads(virtual_group(&e.process)),
    ),
    row(
        "proc.loginshellid",
        Type::Uint,
        "Process id of the eldest shell among the process and its ancestors.",
        |e, _| e.lineage().filter(|p| p.comm.ends_with(b"sh")).last().map_or(Value::Absent, pid),
    ),
    row("proc.duration", Type::Duration, "Time since the process started.", |e, _| age(e, &e.process)),
    row("proc.ppid.duration", Type::Duration, "Time since the parent started.", |e, _| {
        e.process.parent.as_deref().map_or(Value::Absent, |parent| age(e, parent))
    }),
    row("proc.pid.ts", Type::Time, "When the process started.", |e, _| counted(e.process.start_time)),
    row("proc.ppid.ts", Type::Time, "When the parent started.", |e, _| parent(e, |p| counted(p.start_time))),
    row(
        "proc.is_exe_upper_layer",
        Type::Bool,
        "Whether the program's file is on overlay's upper layer: not from the image.",
        |e, _| Value::Bool(e.process.exe_upper_layer),
    ),
    row(
        "proc.is_exe_from_memfd",
        Type::Bool,
        "Whether the program runs from anonymous memory (memfd).",
        |e, _| Value::Bool(e.process.exe_from_memfd),
    ),
    row(
        "proc.scriptpath",
        Type::Text,
        "Path of the `#!` script that the process runs; links in it are not followed. Not a field of Falco's.",
        |e, _| {
            if e.process.script_path.is_empty() { Value::Absent } else { Value::text(&e.process.script_path) }
        },
    ),
    row("proc.exe_ino", Type::Uint, "Inode number of the program's file.", |e, _| {
        counted(e.process.exe_inode)
    }),
    row("proc.exe_ino.ctime", Type::Time, "When the inode of the program's file last changed.", |e, _| {
        counted(e.process.exe_ctime)
    }),
    row("proc.exe_ino.mtime", Type::Time, "When the program's file was last written.", |e, _| {
        counted(e.process.exe_mtime)
    }),
    row(
        "proc.exe_ino.ctime_duration_proc_start",
        Type::Duration,
        "From the last change of the program's inode to the start of the process.",
        |e, _| {
            let Process { start_time, exe_ctime, .. } = *e.process;
            if start_time == 0 || exe_ctime == 0 { Value::Absent } else { since(start_time, exe_ctime) }
        },
    ),
];

const fn ancestors(name: &'static str, ty: Type, doc: &'static str, get: super::Get) -> Field {
    row(name, ty, doc, get).arg(ArgRule::OptionalIndex)
}

type Ask = for<'e> fn(&'e Process) -> Value<'e>;

fn parent(event: &Event, ask: Ask) -> Value<'_> {
    event.process.parent.as_deref().map_or(Value::Absent, ask)
}

/// The ancestor of an index, or all of them.
fn up<'e>(event: &'e Event, arg: &Arg, ask: Ask) -> Value<'e> {
    match arg {
        Arg::Index(n) => event.lineage().nth(*n as usize).map_or(Value::Absent, ask),
        Arg::None | Arg::Key(_) => Value::any(event.lineage().skip(1).map(ask)),
    }
}

fn name(process: &Process) -> Value<'_> {
    // A process may clear its name; one of which nothing is known has none.
    let unknown = process.comm.is_empty() && process.exe_path.is_empty() && process.args.is_empty();
    if unknown { Value::Absent } else { Value::text(&process.comm) }
}

fn exe(process: &Process) -> Value<'_> {
    nth(process, 0)
}

fn exe_path(process: &Process) -> Value<'_> {
    match known(&process.exe_path) {
        Value::Text(text) if process.exe_path_cut => Value::Text(Text::cut(text.bytes, Cut::Front)),
        value => value,
    }
}

fn pid(process: &Process) -> Value<'_> {
    counted(process.pid.into())
}

fn args(process: &Process) -> Value<'_> {
    if name(process).is_absent() { Value::Absent } else { line(process, 1, None) }
}

fn cmdline(process: &Process) -> Value<'_> {
    if name(process).is_absent() { Value::Absent } else { line(process, 1, Some(&process.comm)) }
}

/// Arguments from one on, after `first`. When they are cut, so is the line.
fn line<'e>(process: &'e Process, from: usize, first: Option<&'e [u8]>) -> Value<'e> {
    let rest = process.args.iter().skip(from).map(Vec::as_slice);
    let line = join(first.into_iter().chain(rest).map(Text::whole), b' ');
    Value::Text(Text::cut(line.bytes, back(process.args_cut)))
}

fn exeline(process: &Process) -> Value<'_> {
    if process.args.is_empty() { Value::Absent } else { line(process, 0, None) }
}

fn nth_arg(process: &Process, n: u32) -> Value<'_> {
    nth(process, (n as usize).saturating_add(1))
}

fn nth(process: &Process, n: usize) -> Value<'_> {
    process.args.get(n).map_or(Value::Absent, |arg| {
        Value::Text(Text::cut(arg.as_slice(), back(process.args_cut && n + 1 == process.args.len())))
    })
}

fn whole_args(process: &Process) -> Option<&[Vec<u8>]> {
    if process.args_cut { None } else { process.args.get(1..) }
}

fn back(cut: bool) -> Cut {
    if cut { Cut::Back } else { Cut::None }
}

fn cwd(process: &Process) -> Value<'_> {
    match process.cwd.as_slice() {
        [] => Value::Absent,
        [.., b'/'] => Value::text(&process.cwd),
        cwd => Value::owned([cwd, b"/"].concat()),
    }
}

fn age<'e>(event: &Event, process: &Process) -> Value<'e> {
    if process.start_time == 0 { Value::Absent } else { since(event.time, process.start_time) }
}

/// Clocks can be set back: a time before the beginning is not known, not zero.
fn since<'e>(end: u64, begin: u64) -> Value<'e> {
    end.checked_sub(begin).map_or(Value::Absent, Value::Uint)
}

/// The id of what a process belongs to, and the id that its leader has.
type Membership = fn(&Process) -> (u32, u32);

fn session(process: &Process) -> (u32, u32) {
    (process.sid, process.pid)
}

fn group(process: &Process) -> (u32, u32) {
    (process.pgid, process.pid)
}

fn virtual_group(process: &Process) -> (u32, u32) {
    (process.vpgid, process.vpid)
}

fn leads<'e>((id, own): (u32, u32)) -> Value<'e> {
    if id == 0 || own == 0 { Value::Absent } else { Value::Bool(id == own) }
}

/// The leader if it is the process or an ancestor, else the eldest in an unbroken line of members.
fn leader(event: &Event, membership: Membership) -> Option<&Process> {
    let (id, _) = membership(&event.process);
    if id == 0 {
        return None;
    }
    let mut eldest = None;
    for process in event.lineage().take_while(|p| membership(p).0 == id) {
        eldest = Some(process);
        if membership(process).1 == id {
            break;
        }
    }
    eldest
}
