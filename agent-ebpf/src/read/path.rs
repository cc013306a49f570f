//! Walks a path from its leaf to the root the task sees, across mounts.

use nightjar_events::wire::{PATH_DEPTH_MAX, PATH_MAX, Span};

use super::{read, task::Task, unrelated};
use crate::{emit::Tail, offset};

/// Appends the components of (mount, dentry), leaf first, and says whether that is all of them.
///
/// A walk ends at the task's root (chroot and pivot_root obeyed), at the top of its mount namespace, or at a dentry
/// that hangs nowhere (memfd, pipe), whose own name is then the only component.
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
                state = Span::WHOLE;
                break;
            }
            dentry = read(outer + offset!(mount_mountpoint));
            mount = unrelated(parent + offset!(mount_mnt));
            mount_root = read(mount + offset!(vfsmount_root));
            continue;
        }
        let parent: u64 = read(dentry + offset!(dentry_parent));
        let len: u32 = read(dentry + offset!(dentry_name_len));
        let name: u64 = read(dentry + offset!(dentry_name));
        if unrelated(tail.position() - begin + u64::from(len)) >= PATH_MAX as u64 {
            break;
        }
        tail.component(name, u64::from(len));
        if unrelated(parent) == unrelated(dentry) || unrelated(parent) == 0 {
            state = Span::WHOLE;
            break;
        }
        dentry = parent;
    }
    tail.span_from(begin, state)
}
