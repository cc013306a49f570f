//! What the daemon tells the kernel programs before they start: member offsets of kernel structs, and settings.
//!
//! Both are read-only globals of the object. The verifier sees their values as constants and prunes what a value
//! switches off, which is how one object serves every kernel. rustc emits no CO-RE relocations, hence the table.
//! The ledger, which the programs tell the daemon, is in `ledger`.

/// Value of an offset that this kernel does not have.
pub const ABSENT: u64 = u64::MAX;

/// What a slot of `Offsets` is looked up as, in BTF.
pub struct Lookup {
    /// `struct.member.member` or `sizeof struct`, the newest kernel's spelling first.
    pub candidates: &'static [&'static str],
    /// Whether the programs can do without.
    pub optional: bool,
}

macro_rules! offsets {
    ($($name:ident $(? $optional:literal)? $first:literal $(| $other:literal)*;)*) => {
        /// Byte offsets, injected as the global `OFFSETS`.
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        pub struct Offsets { $(pub $name: u64),* }

        impl Offsets {
            pub const COUNT: usize = size_of::<Offsets>() / 8;
            pub const NONE: Offsets = Offsets { $($name: ABSENT),* };
        }

        /// One row per slot of `Offsets`, in its order.
        pub static LOOKUPS: [Lookup; Offsets::COUNT] = [
            $(Lookup { candidates: &[$first $(, $other)*], optional: false $(|| $optional)? }),*
        ];
    };
}

offsets! {
    task_tgid "task_struct.tgid";
    task_pid "task_struct.pid";
    task_flags "task_struct.flags";
    task_status ? true "task_struct.thread_info.status";
    task_group_leader "task_struct.group_leader";
    task_start "task_struct.start_boottime";
    task_real_parent "task_struct.real_parent";
    task_mm "task_struct.mm";
    task_fs "task_struct.fs";
    task_files "task_struct.files";
    task_cred "task_struct.cred";
    task_nsproxy "task_struct.nsproxy";
    task_signal "task_struct.signal";
    task_thread_pid "task_struct.thread_pid";
    task_loginuid ? true "task_struct.loginuid";
    task_comm "task_struct.comm";
    task_cgroups "task_struct.cgroups";
    task_exit_code "task_struct.exit_code";
    task_stack "task_struct.stack";
    signal_live "signal_struct.live";
    signal_tty "signal_struct.tty";
    signal_pids "signal_struct.pids";
    signal_flags "signal_struct.flags";
    signal_group_exit_code "signal_struct.group_exit_code";
    tty_index "tty_struct.index";
    tty_driver "tty_struct.driver";
    tty_driver_major "tty_driver.major";
    tty_driver_minor_start "tty_driver.minor_start";
    pid_level "pid.level";
    pid_numbers "pid.numbers";
    upid_nr "upid.nr";
    upid_ns "upid.ns";
    upid_size "sizeof upid";
    pid_ns_inum "pid_namespace.ns.inum";
    nsproxy_mnt "nsproxy.mnt_ns";
    nsproxy_net "nsproxy.net_ns";
    nsproxy_uts "nsproxy.uts_ns";
    nsproxy_ipc "nsproxy.ipc_ns";
    nsproxy_cgroup "nsproxy.cgroup_ns";
    mnt_ns_inum "mnt_namespace.ns.inum";
    net_inum "net.ns.inum";
    uts_ns_inum "uts_namespace.ns.inum";
    ipc_ns_inum "ipc_namespace.ns.inum";
    cgroup_ns_inum "cgroup_namespace.ns.inum";
    user_ns_inum "user_namespace.ns.inum";
    cred_uid "cred.uid";
    cred_gid "cred.gid";
    cred_euid "cred.euid";
    cred_egid "cred.egid";
    cred_cap_inheritable "cred.cap_inheritable";
    cred_cap_permitted "cred.cap_permitted";
    cred_cap_effective "cred.cap_effective";
    cred_user_ns "cred.user_ns";
    mm_arg_start "mm_struct.arg_start";
    mm_arg_end "mm_struct.arg_end";
    mm_exe_file "mm_struct.exe_file";
    binprm_filename "linux_binprm.filename";
    binprm_interp "linux_binprm.interp";
    binprm_argc "linux_binprm.argc";
    binprm_fdpath ? true "linux_binprm.fdpath";
    file_mnt "file.f_path.mnt";
    file_dentry "file.f_path.dentry";
    file_inode "file.f_inode";
    file_mode "file.f_mode";
    file_private_data "file.private_data";
    filename_name "__filename_head.name" | "filename.name";
    filename_uptr ? true "filename.uptr";
    open_flags_flags "open_flags.open_flag";
    open_flags_mode "open_flags.mode";
    files_fdt "files_struct.fdt";
    files_count "files_struct.count";
    files_next_fd "files_struct.next_fd";
    fdtable_fd "fdtable.fd";
    fdtable_max_fds "fdtable.max_fds";
    inode_ino "inode.i_ino";
    inode_sb "inode.i_sb";
    inode_mode "inode.i_mode";
    inode_nlink "inode.i_nlink";
    inode_mtime_sec "inode.i_mtime_sec" | "inode.__i_mtime.tv_sec" | "inode.i_mtime.tv_sec";
    inode_mtime_nsec "inode.i_mtime_nsec" | "inode.__i_mtime.tv_nsec" | "inode.i_mtime.tv_nsec";
    inode_ctime_sec "inode.i_ctime_sec" | "inode.__i_ctime.tv_sec" | "inode.i_ctime.tv_sec";
    inode_ctime_nsec "inode.i_ctime_nsec" | "inode.__i_ctime.tv_nsec" | "inode.i_ctime.tv_nsec";
    // `ovl_inode` may live in a module, but its upper dentry has followed its inode in every kernel from 4.13 on.
    inode_size "sizeof inode";
    sb_dev "super_block.s_dev";
    sb_magic "super_block.s_magic";
    dentry_parent "dentry.d_parent";
    dentry_name_len "dentry.d_name.len";
    dentry_name "dentry.d_name.name";
    dentry_hash_pprev "dentry.d_hash.pprev";
    dentry_short_name "dentry.d_shortname" | "dentry.d_iname";
    vfsmount_root "vfsmount.mnt_root";
    mount_mnt "mount.mnt";
    mount_parent "mount.mnt_parent";
    mount_mountpoint "mount.mnt_mountpoint";
    fs_root_mnt "fs_struct.root.mnt";
    fs_root_dentry "fs_struct.root.dentry";
    fs_pwd_mnt "fs_struct.pwd.mnt";
    fs_pwd_dentry "fs_struct.pwd.dentry";
    socket_sk "socket.sk";
    sock_family "sock.__sk_common.skc_family";
    sock_dport "sock.__sk_common.skc_dport";
    sock_daddr "sock.__sk_common.skc_daddr";
    sock_saddr "sock.__sk_common.skc_rcv_saddr";
    sock_v6_daddr ? true "sock.__sk_common.skc_v6_daddr";
    sock_v6_saddr ? true "sock.__sk_common.skc_v6_rcv_saddr";
    sock_type "sock.sk_type";
    sock_protocol "sock.sk_protocol";
    sock_err "sock.sk_err";
    // Not `skc_num`, which is 0 again by the time a refused connect is told.
    inet_sport "inet_sock.inet_sport";
    unix_peer ? true "unix_sock.peer";
    unix_addr ? true "unix_sock.addr";
    unix_address_len ? true "unix_address.len";
    unix_address_name ? true "unix_address.name";
    css_set_subsys "css_set.subsys";
    css_set_dfl_cgrp "css_set.dfl_cgrp";
    css_cgroup "cgroup_subsys_state.cgroup";
    cgroup_kn "cgroup.kn";
    cgroup_root "cgroup.root";
    cgroup_root_hierarchy_id "cgroup_root.hierarchy_id";
    kn_id "kernfs_node.id";
    // x86_64 first, then aarch64, whose arguments lie in `regs[]` eight bytes apart.
    regs_arg0 "pt_regs.di" | "pt_regs.regs";
    regs_arg1 "pt_regs.si" | "pt_regs.regs+8";
    regs_arg2 "pt_regs.dx" | "pt_regs.regs+16";
    regs_arg3 "pt_regs.r10" | "pt_regs.regs+24";
    regs_orig_arg0 ? true "pt_regs.orig_x0";
    regs_number "pt_regs.orig_ax" | "pt_regs.syscallno";
    regs_size "sizeof pt_regs";
}

/// Slots for building records beyond one for each CPU: for programs that find theirs taken by one that was preempted.
pub const SPARE_SLOTS: u32 = 16;

/// The global `SETTINGS`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Process whose own events are not reported; 0 for none.
    pub self_pid: u64,
    /// Index of the v1 controller whose cgroup names the container; `ABSENT`: cgroup v2.
    pub cgroup_ssid: u64,
    /// `cgroup_root::hierarchy_id` of that hierarchy.
    pub cgroup_hierarchy: u64,
    /// Unread bytes in the ring from which bulk records are shed.
    pub bulk_limit: u64,
    /// Bulk events that a cgroup may have in a second; 0: as many as it likes.
    pub bulk_budget: u64,
    /// What a cgroup may save up of its budget, and spend while the ring is emptier than `burst_limit` bytes.
    pub bulk_burst: u64,
    pub burst_limit: u64,
    /// 1 where the helper bpf_task_pt_regs exists (5.15): there the verifier knows the type of the current task, and
    /// of its registers.
    pub has_task_pt_regs: u64,
    /// THREAD_SIZE, for kernels without that helper.
    pub stack_size: u64,
    /// Numbers that a CPU may have: the first spare slot (`SPARE_SLOTS`).
    pub cpus: u64,
    /// Numbers of system calls; `ABSENT` where the architecture has no such call.
    pub sys_open: u64,
    pub sys_openat: u64,
    pub sys_openat2: u64,
    pub sys_creat: u64,
    pub sys_connect: u64,
    /// O_LARGEFILE, which the kernel adds to what was asked for.
    pub o_largefile: u64,
}

impl Settings {
    pub const NONE: Settings = Settings {
        self_pid: 0,
        cgroup_ssid: ABSENT,
        cgroup_hierarchy: 0,
        bulk_limit: 0,
        bulk_budget: 0,
        bulk_burst: 0,
        burst_limit: 0,
        has_task_pt_regs: 0,
        stack_size: 0,
        cpus: 0,
        sys_open: ABSENT,
        sys_openat: ABSENT,
        sys_openat2: ABSENT,
        sys_creat: ABSENT,
        sys_connect: ABSENT,
        o_largefile: 0,
    };

    /// As the array of words that is injected, in the order of the members.
    pub fn words(&self) -> [u64; 16] {
        [
            self.self_pid,
            self.cgroup_ssid,
            self.cgroup_hierarchy,
            self.bulk_limit,
            self.bulk_budget,
            self.bulk_burst,
            self.burst_limit,
            self.has_task_pt_regs,
            self.stack_size,
            self.cpus,
            self.sys_open,
            self.sys_openat,
            self.sys_openat2,
            self.sys_creat,
            self.sys_connect,
            self.o_largefile,
        ]
    }
}
