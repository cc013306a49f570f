//! `container.*`: where. On the host only id, name and type are there, and all say `host`.

use std::collections::BTreeMap;

use super::{Arg, ArgRule, Class, Field, Type, counted, known, row};
use crate::{
    event::{Container, Event, Mount},
    value::Value,
};

/// Length of `container.id`.
pub(super) const SHORT_ID: usize = 12;

pub(super) static CLASS: Class = Class {
    name: "container",
    doc: "Where. On the host only `container.id`, `container.full_id`, `container.name` and `container.type` are there, and say `host`. A mount is named by its number or by its source, in which `*` and `?` stand for others; only `container.mount.source` is found by its destination.",
    rows: ROWS,
};

static ROWS: &[Field] = &[
    row("container.id", Type::Text, "First twelve characters of the id.", |e, _| {
        or_host(e, |c| Value::text(c.id.get(..SHORT_ID).unwrap_or(&c.id)))
    }),
    row("container.full_id", Type::Text, "The whole id.", |e, _| or_host(e, |c| Value::text(&c.id))),
    row("container.name", Type::Text, "Name.", |e, _| or_host(e, |c| known(c.name.as_bytes()))),
    row("container.type", Type::Text, "Runtime, such as `docker` or `containerd`.", |e, _| {
        or_host(e, |c| known(c.runtime.as_bytes()))
    }),
    row("container.image", Type::Text, "Image as it was asked for.", |e, _| {
        inside(e, |c| known(c.image.as_bytes()))
    }),
    row("container.image.id", Type::Text, "Id of the image.", |e, _| {
        inside(e, |c| known(c.image_id.as_bytes()))
    }),
    row("container.image.repository", Type::Text, "Image without tag and digest.", |e, _| {
        inside(e, |c| known(image(c).repository.as_bytes()))
    }),
    row(
        "container.image.tag",
        Type::Text,
        "Tag of the image; `latest` when it was asked for without tag and digest.",
        |e, _| inside(e, |c| known(image(c).tag.as_bytes())),
    ),
    row("container.image.digest", Type::Text, "Digest of the image, such as `sha256:…`.", |e, _| {
        inside(e, |c| {
            known(match c.image_digest.as_bytes() {
                [] => image(c).digest.as_bytes(),
                digest => digest,
            })
        })
    }),
    row("container.privileged", Type::Bool, "Whether it runs privileged.", |e, _| {
        inside(e, |c| c.privileged.map_or(Value::Absent, Value::Bool))
    }),
    row("container.ip", Type::Text, "Address, where the runtime gave it one.", |e, _| {
        inside(e, |c| known(c.ip.as_bytes()))
    }),
    row("container.host_pid", Type::Bool, "Whether it sees the host's processes.", |e, _| {
        inside(e, |c| c.host_pid.map_or(Value::Absent, Value::Bool))
    }),
    row("container.host_network", Type::Bool, "Whether it is in the host's network.", |e, _| {
        inside(e, |c| c.host_network.map_or(Value::Absent, Value::Bool))
    }),
    row("container.host_ipc", Type::Bool, "Whether it shares the host's System V IPC.", |e, _| {
        inside(e, |c| c.host_ipc.map_or(Value::Absent, Value::Bool))
    }),
    row("container.start_ts", Type::Time, "When it was started.", |e, _| {
        inside(e, |c| counted(c.start_time))
    }),
    row("container.duration", Type::Duration, "Time since it was started.", |e, _| {
        let started = e.container.as_deref().map(|c| c.start_time).filter(|start| *start != 0);
        started.and_then(|start| e.time.checked_sub(start)).map_or(Value::Absent, Value::Uint)
    }),
    row("container.label", Type::Text, "A label by its name.", |e, a| match a {
        Arg::Key(name) => inside_with(e, |c| c.labels.get(name).map_or(Value::Absent, Value::text)),
        Arg::None | Arg::Index(_) => Value::Absent,
    })
    .arg(ArgRule::RequiredKey),
    row(
        "container.labels",
        Type::Text,
        "All labels, as `name:value` with commas and blanks between.",
        |e, _| inside(e, |c| joined(&c.labels)),
    ),
    row(
        "container.mounts",
        Type::Text,
        "All mounts, as `source:destination:mode:writable:propagation` with commas between.",
        |e, _| {
            inside(e, |c| {
                let mounts: Vec<_> = c.mounts.iter().map(describe).collect();
                if mounts.is_empty() { Value::Absent } else { Value::owned(mounts.join(",")) }
            })
        },
    ),
    mount("container.mount", "A mount, as `source:destination:mode:writable:propagation`.", |e, a| {
        by_source(e, a, |m| Value::owned(describe(m)))
    }),
    mount("container.mount.source", "What is mounted: a path of the host.", |e, a| {
        by(e, a, |m| &m.dest, |m| known(m.source.as_bytes()))
    }),
    mount("container.mount.dest", "Where in the container it is mounted.", |e, a| {
        by_source(e, a, |m| known(m.dest.as_bytes()))
    }),
    mount("container.mount.mode", "Mode that the runtime was given.", |e, a| {
        by_source(e, a, |m| known(m.mode.as_bytes()))
    }),
    mount("container.mount.rdwr", "`true` when the container may write to it.", |e, a| {
        by_source(e, a, |m| Value::text(if m.rw { "true" } else { "false" }))
    }),
    mount("container.mount.propagation", "How mounts below it propagate.", |e, a| {
        by_source(e, a, |m| known(m.propagation.as_bytes()))
    }),
];

const fn mount(name: &'static str, doc: &'static str, get: super::Get) -> Field {
    row(name, Type::Text, doc, get).arg(ArgRule::RequiredKey)
}

pub(super) type Ask = for<'e> fn(&'e Container) -> Value<'e>;
type AskMount = for<'e> fn(&'e Mount) -> Value<'e>;

pub(super) fn inside(event: &Event, ask: Ask) -> Value<'_> {
    event.container.as_deref().map_or(Value::Absent, ask)
}

pub(super) fn inside_with<'e>(event: &'e Event, ask: impl FnOnce(&'e Container) -> Value<'e>) -> Value<'e> {
    event.container.as_deref().map_or(Value::Absent, ask)
}

fn or_host(event: &Event, ask: Ask) -> Value<'_> {
    event.container.as_deref().map_or(Value::text("host"), ask)
}

fn by_source<'e>(event: &'e Event, arg: &Arg, ask: AskMount) -> Value<'e> {
    by(event, arg, |m| &m.source, ask)
}

/// As `name:value` with commas and blanks between.
pub(super) fn joined(labels: &BTreeMap<String, String>) -> Value<'static> {
    let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    if labels.is_empty() { Value::Absent } else { Value::owned(labels.join(", ")) }
}

/// Digits are a number, as `[0]` reads; no path of a mount is all digits.
fn by<'e>(event: &'e Event, arg: &Arg, path: fn(&Mount) -> &String, ask: AskMount) -> Value<'e> {
    let mounts = event.container.as_deref().map_or(&[][..], |c| &c.mounts);
    let found = match arg {
        Arg::Index(n) => mounts.get(*n as usize),
        Arg::Key(key) => match key.parse::<usize>() {
            Ok(n) => mounts.get(n),
            Err(_) => mounts.iter().find(|m| glob(key.as_bytes(), path(m).as_bytes())),
        },
        Arg::None => None,
    };
    found.map_or(Value::Absent, ask)
}

fn describe(mount: &Mount) -> String {
    let Mount { source, dest, mode, rw, propagation } = mount;
    format!("{source}:{dest}:{mode}:{rw}:{propagation}")
}

/// Parts of an image reference; empty when not there.
struct Image<'a> {
    repository: &'a str,
    tag: &'a str,
    digest: &'a str,
}

fn image(container: &Container) -> Image<'_> {
    let (name, digest) = container.image.split_once('@').unwrap_or((&container.image, ""));
    // A colon before the last slash belongs to the registry's port.
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[path..].split_once(':') {
        Some((last, tag)) => Image { repository: &name[..path + last.len()], tag, digest },
        None if digest.is_empty() && !name.is_empty() => Image { repository: name, tag: "latest", digest },
        None => Image { repository: name, tag: "", digest },
    }
}

/// Whether the whole text matches: `*` for any bytes, `?` for one. Looks back to the last `*` only, so it takes
/// at most length × length steps.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&b) if b == b'?' || b == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_source_is_matched_whole() {
        for (pattern, text, expected) in [
            ("/proc*", "/proc", true),
            ("/proc*", "/proc/sys", true),
            ("/", "/etc", false),
            ("*/x/*", "/a/x/b/x/c", true),
            ("/a?c", "/abc", true),
            ("/a?c", "/ac", false),
            ("*a*b", "aaab", true),
            ("", "", true),
            ("", "/", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn an_image_reference_comes_apart() {
        for (reference, repository, tag, digest) in [
            ("nginx", "nginx", "latest", ""),
            ("docker.io/library/nginx:1.25", "docker.io/library/nginx", "1.25", ""),
            ("localhost:5000/app", "localhost:5000/app", "latest", ""),
            ("localhost:5000/app:2@sha256:ab", "localhost:5000/app", "2", "sha256:ab"),
            ("quay.io/app@sha256:ab", "quay.io/app", "", "sha256:ab"),
            ("", "", "", ""),
        ] {
            let container = Container { image: reference.to_owned(), ..Container::default() };
            let parts = image(&container);
            assert_eq!((parts.repository, parts.tag, parts.digest), (repository, tag, digest), "{reference}");
        }
    }
}
