//! `struct file` and its inode.

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;

use super::{Access, Block, Probed, Typed, read, same, task::Task};
use crate::{offset, setting};

/// super_block::s_magic (include/uapi/linux/magic.h).
const OVERLAYFS_MAGIC: u64 = 0x794c_7630;
const TMPFS_MAGIC: u64 = 0x0102_1994;
const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;

const S_IFMT: u32 = 0o170000;
const S_IFSOCK: u32 = 0o140000;

/// file::f_mode: this open made the file (include/linux/fs.h).
const FMODE_CREATED: u32 = 0x10_0000;

/// How much of a file and of its inode is read at once: what is told of them lies in it on every kernel so far.
const FILE_WORDS: usize = 14;
const INODE_WORDS: usize = 10;

#[derive(Clone, Copy)]
pub struct File(pub u64);

/// What is told of a file that was opened, and where its path begins.
#[derive(Clone, Copy)]
pub struct Opened {
    pub mount: u64,
    pub dentry: u64,
    pub inode: u64,
    pub device: u32,
    pub mode: u32,
    pub created: u32,
    pub unnamed: u32,
}

impl File {
    /// The file behind a descriptor of the current task; `None` when there is none. For events that are frequent, as
    /// `Who::current` is.
    #[inline(always)]
    pub fn of_descriptor(fd: u32) -> Option<File> {
        if setting!(has_task_pt_regs) == 0 {
            return File::probed_of_descriptor(fd);
        }
        // SAFETY: no arguments, always succeeds.
        File::in_table(table::<Typed>(unsafe { bpf_get_current_task_btf() } as u64), fd)
    }

    /// The same by the helper alone.
    #[inline(always)]
    pub fn probed_of_descriptor(fd: u32) -> Option<File> {
        File::in_table(table::<Probed>(Task::current().0), fd)
    }

    #[inline(always)]
    fn in_table((max, slots): (u32, u64), fd: u32) -> Option<File> {
        if fd >= max {
            return None;
        }
        let file: u64 = read(slots + 8 * u64::from(fd));
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

    /// Of a file that the verifier knows the type of.
    #[inline(always)]
    pub fn opened_typed(self) -> Opened {
        let inode: u64 = Typed::get(self.0 + offset!(file_inode));
        let superblock: u64 = Typed::get(inode + offset!(inode_sb));
        let dentry: u64 = Typed::get(self.0 + offset!(file_dentry));
        let links = Typed::get(inode + offset!(inode_nlink));
        Opened {
            inode: Typed::get(inode + offset!(inode_ino)),
            device: Typed::get(superblock + offset!(sb_dev)),
            mode: u32::from(Typed::get::<u16>(inode + offset!(inode_mode))),
            created: is_created(Typed::get(self.0 + offset!(file_mode))),
            unnamed: u32::from(is_unnamed::<Typed>(dentry, links)),
            mount: Typed::get(self.0 + offset!(file_mnt)),
            dentry,
        }
    }

    /// Of any other.
    #[inline(always)]
    pub fn opened(self) -> Opened {
        let file = Block::<FILE_WORDS>::of(self.0);
        let address: u64 = file.get(offset!(file_inode));
        let inode = Block::<INODE_WORDS>::of(address);
        let dentry = file.get(offset!(file_dentry));
        Opened {
            inode: inode.get(offset!(inode_ino)),
            device: read(inode.get::<u64>(offset!(inode_sb)) + offset!(sb_dev)),
            mode: u32::from(inode.get::<u16>(offset!(inode_mode))),
            created: is_created(file.get(offset!(file_mode))),
            unnamed: u32::from(is_unnamed::<Probed>(dentry, inode.get(offset!(inode_nlink)))),
            mount: file.get(offset!(file_mnt)),
            dentry,
        }
    }

    #[inline(always)]
    pub fn private_data(self) -> u64 {
        read(self.0 + offset!(file_private_data))
    }

    /// Whether its name is gone: unhashed (d_unlinked, include/linux/dcache.h) or without links.
    #[inline(always)]
    pub fn is_unnamed(self) -> bool {
        is_unnamed::<Probed>(self.dentry(), self.inode().links())
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

#[inline(always)]
fn is_unnamed<A: Access>(dentry: u64, links: u32) -> bool {
    let hashed: u64 = A::get(dentry + offset!(dentry_hash_pprev));
    (hashed == 0 && !same(A::get(dentry + offset!(dentry_parent)), dentry)) || links == 0
}

#[inline(always)]
fn is_created(mode: u32) -> u32 {
    u32::from(mode & FMODE_CREATED != 0)
}

/// How many descriptors a task's table has room for, and where their files are.
#[inline(always)]
fn table<A: Access>(task: u64) -> (u32, u64) {
    let files: u64 = A::get(task + offset!(task_files));
    let table: u64 = A::get(files + offset!(files_fdt));
    if table == 0 {
        return (0, 0);
    }
    (A::get(table + offset!(fdtable_max_fds)), A::get(table + offset!(fdtable_fd)))
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
    fn links(self) -> u32 {
        read(self.0 + offset!(inode_nlink))
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
