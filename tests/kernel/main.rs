//! Each event: the deed is done on the running kernel, and the record is expected with its fields.

mod canary;
mod cgroup_mkdir;
mod cgroup_rmdir;
mod connect;
mod connect_result;
mod deed;
mod exec;
mod exit;
mod failure;
mod fairness;
mod fork;
mod io_uring;
mod ledger;
mod open;
mod race;
mod scope;
mod unable;
mod verified;
