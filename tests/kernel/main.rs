//! Each event: the deed is done on the running kernel, and the record is expected with its fields.

mod cgroup_mkdir;
mod cgroup_rmdir;
mod chmod;
mod chown;
mod connect;
mod connect_result;
mod deed;
mod exec;
mod exit;
mod fairness;
mod fork;
mod io_uring;
mod ledger;
mod link;
mod mkdir;
mod mknod;
mod open;
mod race;
mod rename;
mod symlink;
mod unlink;
