//! `nightjar demo`: a real container, eight harmless versions of real attacks in it, and the alerts they raise.
//!
//! No container runtime is needed. `Container` makes mount, pid, uts, ipc, net and cgroup namespaces, a cgroup of
//! its own (`/nightjar-demo/<id>`, in every hierarchy) and a pivoted overlay root. `deeds` is the table of what
//! is done there; every deed is a row with the rule it must trigger. `run` does them one by one and waits for
//! each alert; tests use `Container::exec` for deeds of their own.
//!
//! ```text
//! Container (this process) ⇄ one line of JSON each way ⇄ init: outer (namespaces, cgroup) → pid 1 (root, deeds)
//! ```
//!
//! Nothing leaves the container: its network is a loopback that answers for the addresses the deeds call, its
//! files are in memory, and what it mounts of the host is read-only. Nothing stays behind: the container ends with
//! its owner, however that ends, and the next one clears what a killed owner could not.
//!
//! It does not load the kernel side and does not judge: alerts come from whoever calls `run`.

mod cgroup;
mod container;
mod deeds;
mod image;
mod init;
mod lock;
mod message;
mod report;
mod run;

pub use self::{
    cgroup::Cgroup,
    container::{Container, DemoError, Options},
    deeds::{DEEDS, Deed},
    image::Image,
    init::enter_if_asked,
    message::Output,
    report::{Fate, Report, Row},
    run::{DemoAlert, Settings, run},
};
