//! `struct file` and its inode.

use super::{Access, Probed, read, same, task::Task};
use crate::offset;

/// super_block::s_magic (include/uapi/linux/magic.h).
const OVERLAYFS_MAGIC: u64 = 0x794c_7630;
const TMPFS_MAGIC: u64 = 0x0102_1994;
const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;

const S_IFMT: u32 = 0o170000;
const S_IFSOCK: u32 = 0o140000;

/// file::f_mode: this open made the file (include/linux/fs.h).
const FMODE_CREATED: u32 = 0x10_0000;

#[derive(Clone, Copy)]
pub struct File(pub u64);

/// What is told of a file that was opened, but for its path.
#[derive(Clone, Copy)]
pub struct Opened {
    pub inode: u64,
    pub device: u32,
    pub mode: u32,
    pub created: u32,
    pub unnamed: u32,
}

impl File {
    /// The file behind a descriptor of the current task; `None` when there is none.
    #[inline(always)]
    pub fn of_descriptor(task: Task, fd: u32) -> Option<File> {
        let files: u64 = read(task.0 + offset!(task_files));
        let table: u64 = read(files + offset!(files_fdt));
        let max: u32 = read(table + offset!(fdtable_max_fds));
        if fd >= max {
            return None;
        }
        let slots: u64 = read(table + offset!(fdtable_fd));
        let file: u64 = read(slots + 8 * fd as u64);
        if file == 0 { None } else { Some(File(file)) }
    }

    #[inline(always)]
    pub fn mount(self) -> u64 {
        read(self.0 + offset!(file_mnt))
    }

    #[inline(always)]
    pub fn dentry(self) -> u64 {
        read(self.0 + offset!(file_dentry))
    }

    #[inline(always)]
    pub fn inode(self) -> Inode {
        Inode(read(self.0 + offset!(file_inode)))
    }

    #[inline(always)]
    pub fn opened<A: Access>(self) -> Opened {
        let inode: u64 = A::get(self.0 + offset!(file_inode));
        let superblock: u64 = A::get(inode + offset!(inode_sb));
        let mode: u32 = A::get(self.0 + offset!(file_mode));
        Opened {
            inode: A::get(inode + offset!(inode_ino)),
            device: A::get(superblock + offset!(sb_dev)),
            mode: u32::from(A::get::<u16>(inode + offset!(inode_mode))),
            created: u32::from(mode & FMODE_CREATED != 0),
            unnamed: u32::from(self.is_unnamed_by::<A>()),
        }
    }

    #[inline(always)]
    pub fn private_data(self) -> u64 {
        read(self.0 + offset!(file_private_data))
    }

    /// Whether its name is gone: unhashed (d_unlinked, include/linux/dcache.h) or without links.
    #[inline(always)]
    pub fn is_unnamed(self) -> bool {
        self.is_unnamed_by::<Probed>()
    }

    #[inline(always)]
    fn is_unnamed_by<A: Access>(self) -> bool {
        let dentry: u64 = A::get(self.0 + offset!(file_dentry));
        let hashed: u64 = A::get(dentry + offset!(dentry_hash_pprev));
        if hashed == 0 && !same(A::get(dentry + offset!(dentry_parent)), dentry) {
            return true;
        }
        let inode: u64 = A::get(self.0 + offset!(file_inode));
        A::get::<u32>(inode + offset!(inode_nlink)) == 0
    }

    /// Made by memfd_create: a file of the kernel's own tmpfs mount whose dentry is called `memfd:…`
    /// (mm/memfd.c, 5.10 to 6.18).
    #[inline(always)]
    pub fn is_memfd(self) -> bool {
        let magic = self.inode().magic();
        if magic != TMPFS_MAGIC && magic != HUGETLBFS_MAGIC {
            return false;
        }
        let dentry = self.dentry();
        let parent: u64 = read(dentry + offset!(dentry_parent));
        let name: u64 = read(dentry + offset!(dentry_name));
        let first: u64 = read(name);
        parent == dentry && first & 0xffff_ffff_ffff == u64::from_le_bytes(*b"memfd:\0\0")
    }
}

#[derive(Clone, Copy)]
pub struct Inode(pub u64);

impl Inode {
    #[inline(always)]
    pub fn number(self) -> u64 {
        read(self.0 + offset!(inode_ino))
    }

    #[inline(always)]
    pub fn mode(self) -> u32 {
        u32::from(read::<u16>(self.0 + offset!(inode_mode)))
    }

    #[inline(always)]
    pub fn is_socket(self) -> bool {
        self.mode() & S_IFMT == S_IFSOCK
    }

    #[inline(always)]
    fn superblock(self) -> u64 {
        read(self.0 + offset!(inode_sb))
    }

    #[inline(always)]
    pub fn device(self) -> u32 {
        read(self.superblock() + offset!(sb_dev))
    }

    #[inline(always)]
    fn magic(self) -> u64 {
        read(self.superblock() + offset!(sb_magic))
    }

    /// On overlayfs: the file was written after the image was made. `ovl_inode` keeps its upper dentry right
    /// behind the inode it embeds (fs/overlayfs/ovl_entry.h, 4.13 to 6.18).
    #[inline(always)]
    pub fn is_upper_layer(self) -> bool {
        self.magic() == OVERLAYFS_MAGIC && read::<u64>(self.0 + offset!(inode_size)) != 0
    }

    /// Nanoseconds since the epoch.
    #[inline(always)]
    pub fn mtime(self) -> u64 {
        nanoseconds(self.0 + offset!(inode_mtime_sec), self.0 + offset!(inode_mtime_nsec))
    }

    #[inline(always)]
    pub fn ctime(self) -> u64 {
        nanoseconds(self.0 + offset!(inode_ctime_sec), self.0 + offset!(inode_ctime_nsec))
    }
}

/// The nanoseconds are a u32 or a long, by kernel; their lower half is the same. Of a multigrain timestamp (6.13) the
/// top bit says that it was looked at (I_CTIME_QUERIED, include/linux/fs.h).
#[inline(always)]
fn nanoseconds(seconds: u64, fraction: u64) -> u64 {
    let fraction = read::<u32>(fraction) & 0x3fff_ffff;
    read::<u64>(seconds).wrapping_mul(1_000_000_000).wrapping_add(u64::from(fraction))
}
