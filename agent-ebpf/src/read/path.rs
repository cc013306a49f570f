//! Walks a path from its leaf to the root the task sees, across mounts.

use core::ops::ControlFlow;

use nightjar_events::wire::{NAME_MAX, PATH_DEPTH_MAX, PATH_MAX, Span};

use super::{Access, Typed, file::File, read, same, task, task::Task};
use crate::{emit::Tail, maps::Walk, offset};

/// Components that are read by loads, before the walk goes on by the helper.
const NEAR_MAX: u32 = 16;

/// Appends the components of (mount, dentry), leaf first, and says whether that is all of them.
///
/// A walk ends at the task's root (chroot and pivot_root obeyed), at the top of its mount namespace, or at a dentry
/// that hangs nowhere, whose own name is then the only component (memfd) or is empty: then there is no path (pipe). A
/// file that is itself the root of a mount which hangs nowhere (open_tree(2) with OPEN_TREE_CLONE: how runc runs
/// itself) is named from the root of its filesystem.
#[inline(always)]
pub fn append(tail: &Tail, task: Task, mount: u64, dentry: u64) -> Span {
    let fs = task.fs();
    let walk = tail.walk();
    walk.mount.set(mount);
    walk.dentry.set(dentry);
    walk.mount_root.set(read(mount + offset!(vfsmount_root)));
    walk.root_mount.set(read(fs + offset!(fs_root_mnt)));
    walk.root_dentry.set(read(fs + offset!(fs_root_dentry)));
    walk.begin.set(tail.position());
    walk.left.set(PATH_DEPTH_MAX.into());
    let state = walk_path(tail.slot);
    tail.span_from(walk.begin.get(), state as u16)
}

/// The same of a file of which the verifier knows the type. It loads as long as the walk stays in the file's own mount,
/// whose dentries the verifier knows too; what is beyond, or odd, is left to the walk by the helper.
#[inline(always)]
pub fn append_typed(tail: &Tail, file: File) -> Span {
    let (root_mount, root_dentry) = task::current_root();
    let mount: u64 = Typed::get(file.0 + offset!(file_mnt));
    let mut dentry: u64 = Typed::get(file.0 + offset!(file_dentry));
    let mount_root: u64 = Typed::get(mount + offset!(vfsmount_root));
    let is_root_mount = same(mount, root_mount);
    let begin = tail.position();
    let mut position = begin;
    let mut state = None;
    let mut steps = 0;
    while steps < NEAR_MAX {
        steps += 1;
        if is_root_mount && same(dentry, root_dentry) {
            state = Some(Span::WHOLE);
            break;
        }
        let parent: u64 = Typed::get(dentry + offset!(dentry_parent));
        let len = u64::from(Typed::get::<u32>(dentry + offset!(dentry_name_len)));
        if same(dentry, mount_root) || same(parent, dentry) || len == 0 || len > NAME_MAX as u64 {
            break;
        }
        position = tail.component_at(position, Typed::get(dentry + offset!(dentry_name)), len);
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
            walk.left.set((PATH_DEPTH_MAX - NEAR_MAX).into());
            walk_path(tail.slot) as u16
        }
    };
    tail.span_from(begin, state)
}

/// The walk, in the slot where the record is built. A function with a name of its own and plain arguments is one that
/// the verifier checks once, not for every caller.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk_path(slot: u32) -> u64 {
    let Some(tail) = Tail::of(slot) else { return Span::ABSENT.into() };
    let mut steps = 0;
    let walk = tail.walk();
    while steps < PATH_DEPTH_MAX && walk.left.get() != 0 {
        walk.left.set(walk.left.get() - 1);
        if let ControlFlow::Break(state) = step(&tail, walk) {
            return state.into();
        }
        steps += 1;
    }
    Span::CUT.into()
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
    let parent: u64 = read(dentry + offset!(dentry_parent));
    let len = u64::from(read::<u32>(dentry + offset!(dentry_name_len)));
    let name: u64 = read(dentry + offset!(dentry_name));
    let top = parent == dentry || parent == 0;
    if top && is_root_name(name) {
        return ControlFlow::Break(Span::WHOLE);
    }
    if len == 0 {
        return ControlFlow::Break(Span::ABSENT);
    }
    if tail.position() - walk.begin.get() + len >= PATH_MAX as u64 {
        return ControlFlow::Break(Span::CUT);
    }
    tail.component(name, len);
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

/// The root of a filesystem is called `/` (d_make_root, fs/dcache.c).
#[inline(always)]
fn is_root_name(name: u64) -> bool {
    read::<u8>(name) == b'/'
}
