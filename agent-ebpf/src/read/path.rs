//! Walks a path from its leaf to the root the task sees, across mounts.

use core::{ffi::c_void, mem::offset_of, ops::ControlFlow};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use nightjar_events::wire::{NAME_MAX, PATH_DEPTH_MAX, PATH_MAX, Span};

use super::{Access, Typed, read, same, task, task::Task};
use crate::{
    emit::Tail,
    maps::{Entry, Walk},
    offset,
    tail::SHORT_NAME,
};

/// Components that are read by loads, before the walk goes on by the helper.
const NEAR_MAX: u32 = 16;

/// Steps of a round of the walk by the helper, and rounds of a whole walk.
const ROUND_STEPS: u64 = 8;
const ROUNDS_MAX: u64 = PATH_DEPTH_MAX as u64 / ROUND_STEPS;
const _: () = assert!(
    (PATH_DEPTH_MAX as u64).is_multiple_of(ROUND_STEPS) && (NEAR_MAX as u64).is_multiple_of(ROUND_STEPS)
);

/// What a round gives that did not come to the end: no state of a span.
const GOES_ON: u64 = u64::MAX;

/// Appends the components of (mount, dentry), leaf first, and says whether that is all of them.
///
/// A walk ends at the task's root (chroot and pivot_root obeyed), at the top of its mount namespace, or at a dentry
/// that hangs nowhere, whose own name is then the only component (memfd) or is empty: then there is no path (pipe). A
/// file that is itself the root of a mount which hangs nowhere (open_tree(2) with OPEN_TREE_CLONE: how runc runs
/// itself) is named from the root of its filesystem.
#[inline(always)]
pub fn append(tail: &Tail, task: Task, mount: u64, dentry: u64) -> Span {
    let fs = task.fs();
    append_below(tail, (read(fs + offset!(fs_root_mnt)), read(fs + offset!(fs_root_dentry))), mount, dentry)
}

/// The same, as the running task sees it.
#[inline(always)]
pub fn append_current(tail: &Tail, mount: u64, dentry: u64) -> Span {
    append_below(tail, task::current_root(), mount, dentry)
}

#[inline(always)]
fn append_below(tail: &Tail, (root_mount, root_dentry): (u64, u64), mount: u64, dentry: u64) -> Span {
    let walk = tail.walk();
    walk.mount.set(mount);
    walk.dentry.set(dentry);
    walk.mount_root.set(read(mount + offset!(vfsmount_root)));
    walk.root_mount.set(root_mount);
    walk.root_dentry.set(root_dentry);
    walk.begin.set(tail.position());
    walk.rounds.set(ROUNDS_MAX);
    let state = walk_path(tail.slot);
    tail.span_from(walk.begin.get(), state as u16)
}

/// The same, of a mount and a dentry of which the verifier knows the types. It loads as long as the walk stays in that
/// mount, whose dentries the verifier knows too; what is beyond, or odd, is left to the walk by the helper.
#[inline(always)]
pub fn append_typed(tail: &Tail, mount: u64, mut dentry: u64) -> Span {
    let (root_mount, root_dentry) = task::current_root();
    let mount_root: u64 = Typed::get(mount + offset!(vfsmount_root));
    let is_root_mount = same(mount, root_mount);
    let begin = tail.position();
    let mut position = begin;
    let (parent_at, len_at, name_at, short_at) =
        (offset!(dentry_parent), offset!(dentry_name_len), offset!(dentry_name), offset!(dentry_short_name));
    let mut state = None;
    let mut steps = 0;
    while steps < NEAR_MAX {
        steps += 1;
        if is_root_mount && same(dentry, root_dentry) {
            state = Some(Span::WHOLE);
            break;
        }
        let parent: u64 = Typed::get(dentry + parent_at);
        let len = u64::from(Typed::get::<u32>(dentry + len_at));
        if same(dentry, mount_root) || same(parent, dentry) || len == 0 || len > NAME_MAX as u64 {
            break;
        }
        position = if len < SHORT_NAME {
            let short = dentry + short_at;
            tail.short_component_at(position, len, |at| Typed::get(short + at))
        } else {
            tail.component_at(position, Typed::get(dentry + name_at), len)
        };
        dentry = parent;
    }
    tail.at().set(position);
    let state = match state {
        Some(state) => state,
        None => {
            let walk = tail.walk();
            walk.mount.set(mount);
            walk.dentry.set(dentry);
            walk.mount_root.set(mount_root);
            walk.root_mount.set(root_mount);
            walk.root_dentry.set(root_dentry);
            walk.begin.set(begin);
            walk.rounds.set(ROUNDS_MAX - u64::from(NEAR_MAX) / ROUND_STEPS);
            walk_path(tail.slot) as u16
        }
    };
    tail.span_from(begin, state)
}

/// The walk, in the slot where the record is built. A function with a name of its own and plain arguments is one that
/// the verifier checks once, not for every caller; so is a round, which it checks for the first and not for the others.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_path(slot: u32) -> u64 {
    let mut rounds = 0;
    while rounds < ROUNDS_MAX {
        let state = walk_round(slot);
        if state != GOES_ON {
            return state;
        }
        rounds += 1;
    }
    Span::CUT.into()
}

/// Some steps of the walk; the span's state at its end, or `GOES_ON`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_round(slot: u32) -> u64 {
    let Some(tail) = Tail::of(slot) else { return Span::ABSENT.into() };
    let walk = tail.walk();
    let left = walk.rounds.get();
    if left == 0 {
        return Span::CUT.into();
    }
    walk.rounds.set(left - 1);
    let mut steps = 0;
    while steps < ROUND_STEPS {
        if let ControlFlow::Break(state) = step(&tail, walk) {
            return state.into();
        }
        steps += 1;
    }
    GOES_ON
}

/// Goes up by one, from a dentry or from a mount; breaks with the span's state at the end.
#[inline(always)]
fn step(tail: &Tail, walk: &Walk) -> ControlFlow<u16> {
    let (mount, dentry) = (walk.mount.get(), walk.dentry.get());
    if dentry == walk.root_dentry.get() && mount == walk.root_mount.get() {
        return ControlFlow::Break(Span::WHOLE);
    }
    if dentry == walk.mount_root.get() {
        return leave(tail, walk, mount - offset!(mount_mnt));
    }
    let entry = &walk.entry;
    entry.read(dentry);
    let (parent, len) = (entry.parent.get(), entry.hash_len.get() >> 32);
    let top = parent == dentry || parent == 0;
    // The root of a filesystem is called `/` (d_make_root, fs/dcache.c).
    if top && len == 1 && entry.short[0].get() as u8 == b'/' {
        return ControlFlow::Break(Span::WHOLE);
    }
    if len == 0 {
        return ControlFlow::Break(Span::ABSENT);
    }
    let position = tail.position();
    if position - walk.begin.get() + len >= PATH_MAX as u64 {
        return ControlFlow::Break(Span::CUT);
    }
    tail.at().set(if len < SHORT_NAME {
        tail.short_component_at(position, len, |at| entry.short[at as usize / 8].get())
    } else {
        tail.component_at(position, entry.name.get(), len)
    });
    if top {
        return ControlFlow::Break(Span::WHOLE);
    }
    walk.dentry.set(parent);
    ControlFlow::Continue(())
}

/// Goes from the root of a mount to where it is mounted.
#[inline(always)]
fn leave(tail: &Tail, walk: &Walk, outer: u64) -> ControlFlow<u16> {
    let parent: u64 = read(outer + offset!(mount_parent));
    if parent == outer || parent == 0 {
        if tail.position() != walk.begin.get() {
            return ControlFlow::Break(Span::WHOLE);
        }
        walk.mount_root.set(0);
        return ControlFlow::Continue(());
    }
    walk.dentry.set(read(outer + offset!(mount_mountpoint)));
    let mount = parent + offset!(mount_mnt);
    walk.mount.set(mount);
    walk.mount_root.set(read(mount + offset!(vfsmount_root)));
    ControlFlow::Continue(())
}

impl Entry {
    #[inline(always)]
    fn read(&self, dentry: u64) {
        let begin = offset!(dentry_parent);
        let in_order = offset!(dentry_name_len) == begin + (offset_of!(Entry, hash_len) + 4) as u64
            && offset!(dentry_name) == begin + offset_of!(Entry, name) as u64
            && offset!(dentry_short_name) == begin + offset_of!(Entry, short) as u64;
        if in_order {
            // SAFETY: the words are in a slot that is ours; the helper writes all of them in every case.
            unsafe {
                let to = (&raw const *self).cast_mut().cast();
                bpf_probe_read_kernel(to, size_of::<Entry>() as u32, (dentry + begin) as *const c_void);
            }
            return;
        }
        self.parent.set(read(dentry + begin));
        self.hash_len.set(u64::from(read::<u32>(dentry + offset!(dentry_name_len))) << 32);
        self.name.set(read(dentry + offset!(dentry_name)));
        let mut n = 0;
        while n < self.short.len() {
            self.short[n].set(read(dentry + offset!(dentry_short_name) + 8 * n as u64));
            n += 1;
        }
    }
}
