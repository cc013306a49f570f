//! Walks a path from its leaf to the root the task sees, across mounts.

use nightjar_events::wire::{PATH_DEPTH_MAX, PATH_MAX, Span};

use super::{read, task::Task, unrelated};
use crate::{emit::Tail, offset};

/// Appends the components of (mount, dentry), leaf first, and says whether that is all of them.
///
/// A walk ends at the task's root (chroot and pivot_root obeyed), at the top of its mount namespace, or at a dentry
/// that hangs nowhere, whose own name is then the only component (memfd) or is empty: then there is no path (pipe). A file that is
/// itself the root of a mount which hangs nowhere (open_tree(2) with OPEN_TREE_CLONE: how runc runs itself) is named
/// from the root of its filesystem.
#[inline(always)]
pub fn append(tail: &mut Tail, task: Task, mount: u64, dentry: u64) -> Span {
    let fs = task.fs();
    let root_mount: u64 = read(fs + offset!(fs_root_mnt));
    let root_dentry: u64 = read(fs + offset!(fs_root_dentry));
    let begin = tail.position();
    let mut mount = mount;
    let mut dentry = dentry;
    let mut mount_root: u64 = read(mount + offset!(vfsmount_root));
    let mut state = Span::CUT;
    let mut steps = 0;
    while steps < PATH_DEPTH_MAX {
        steps += 1;
        tail.settle();
        if unrelated(dentry) == unrelated(root_dentry) && unrelated(mount) == unrelated(root_mount) {
            state = Span::WHOLE;
            break;
        }
        if unrelated(dentry) == unrelated(mount_root) {
            let outer = mount - offset!(mount_mnt);
            let parent: u64 = read(outer + offset!(mount_parent));
            if unrelated(parent) == unrelated(outer) || unrelated(parent) == 0 {
                if unrelated(tail.position() - begin) != 0 {
                    state = Span::WHOLE;
                    break;
                }
                mount_root = 0;
                continue;
            }
            dentry = read(outer + offset!(mount_mountpoint));
            mount = unrelated(parent + offset!(mount_mnt));
            mount_root = read(mount + offset!(vfsmount_root));
            continue;
        }
        let parent: u64 = read(dentry + offset!(dentry_parent));
        let len: u32 = read(dentry + offset!(dentry_name_len));
        let name: u64 = read(dentry + offset!(dentry_name));
        let top = unrelated(parent) == unrelated(dentry) || unrelated(parent) == 0;
        if top && is_root_name(name) {
            state = Span::WHOLE;
            break;
        }
        if len == 0 {
            state = Span::ABSENT;
            break;
        }
        if unrelated(tail.position() - begin + u64::from(len)) >= PATH_MAX as u64 {
            break;
        }
        tail.component(name, u64::from(len));
        if top {
            state = Span::WHOLE;
            break;
        }
        dentry = parent;
    }
    tail.span_from(begin, state)
}

/// The root of a filesystem is called `/` (d_make_root, fs/dcache.c).
#[inline(always)]
fn is_root_name(name: u64) -> bool {
    read::<u8>(name) == b'/'
}
