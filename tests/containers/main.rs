//! Each container runtime that Debian has: a real container is started, and what is done in it raises an alert that
//! names it. On this machine's own cgroup layout, and on cgroup v2 alone.

mod agent;
mod clear;
mod image;
mod late;
mod node;
mod tell;

mod containerd;
mod crun;
mod docker;
mod lxc;
mod nspawn;
mod podman;
mod runc;
mod short;
