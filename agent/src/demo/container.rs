//! A demo container, seen by its owner: made, told what to run, taken away. What happens inside is `init`'s.

use std::{
    env, io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::identity::bundle;

use super::{
    cgroup::{self, Cgroup},
    deeds::Deed,
    image::Image,
    init,
    lock::Claim,
    message::{self, Line, Output, Reply, Spec},
};

/// Longest that one command may take before the container counts as hung.
const REPLY_WITHIN: Duration = Duration::from_secs(30);
const ID_BYTES: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the demo makes namespaces and a cgroup of its own: run it as root")]
    NotRoot,
    #[error("no image: the host has neither a bash nor a static busybox")]
    NoImage,
    #[error("cannot {act}")]
    Io { act: &'static str, source: io::Error },
    #[error("in the container: {0}")]
    Inside(String),
    #[error("the container ended before it answered")]
    Gone,
    #[error("the container gave another answer than was asked for")]
    Confused,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub image: Image,
    /// The binary whose `main` calls `enter_if_asked` first.
    pub program: PathBuf,
    /// Host directories and files that the container shall see, read-only, at the same path.
    pub shared: Vec<PathBuf>,
}

impl Options {
    pub fn new() -> Result<Self, DemoError> {
        Ok(Self {
            image: Image::choose().ok_or(DemoError::NoImage)?,
            program: env::current_exe().map_err(io_error("find this program's own file"))?,
            shared: Vec::new(),
        })
    }
}

/// Ends, with everything in it, when it is dropped.
pub struct Container {
    id: String,
    cgroups: Vec<Cgroup>,
    pid: u32,
    overlay: bool,
    /// `None` once it was taken away.
    running: Option<(Line, Child)>,
    claim: Claim,
}

impl Container {
    pub fn create() -> Result<Self, DemoError> {
        Self::with(Options::new()?)
    }

    pub fn with(options: Options) -> Result<Self, DemoError> {
        if !rustix::process::geteuid().is_root() {
            return Err(DemoError::NotRoot);
        }
        let id = new_id().map_err(io_error("make a container id"))?;
        let (claim, cgroups) = Claim::take(&id, &describe(&id, &options.image))
            .map_err(io_error("make the container's cgroups"))?;
        // From here on whatever fails is taken away again by `drop`.
        let mut container = Self { id, cgroups, pid: 0, overlay: false, running: None, claim };
        container.start(options)?;
        Ok(container)
    }

    fn start(&mut self, options: Options) -> Result<(), DemoError> {
        let (ours, theirs) = UnixStream::pair().map_err(io_error("make a socket pair"))?;
        ours.set_read_timeout(Some(REPLY_WITHIN)).map_err(io_error("set a socket's timeout"))?;
        let child = Command::new(&options.program)
            .arg(init::ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .map_err(io_error("start the container's first process"))?;
        let mut line = Line::new(ours);
        let spec = Spec {
            id: self.id.clone(),
            image: options.image,
            shared: options.shared,
            cgroups: self.cgroups.iter().map(|cgroup| cgroup.dir.clone()).collect(),
        };
        let sent = line.send(&spec);
        self.running = Some((line, child));
        sent.map_err(io_error("describe the container to its first process"))?;
        match self.reply()? {
            Reply::Ready { pid, overlay } => (self.pid, self.overlay) = (pid, overlay),
            Reply::Failed(reason) => return Err(DemoError::Inside(reason)),
            Reply::Done(_) => return Err(DemoError::Confused),
        }
        Ok(())
    }

    /// 64 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its first process, as the host counts.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether its root is an overlay, so that a file made in it is in an upper layer.
    pub fn has_overlay(&self) -> bool {
        self.overlay
    }

    pub fn cgroups(&self) -> &[Cgroup] {
        &self.cgroups
    }

    /// The kernel's id of its cgroup in the hierarchy of a v1 controller; in cgroup v2 for `None`.
    pub fn cgroup_id(&self, controller: Option<&str>) -> Option<u64> {
        let wanted = |cgroup: &&Cgroup| match controller {
            Some(name) => cgroup.controllers.iter().any(|own| own == name),
            None => cgroup.controllers.is_empty(),
        };
        self.cgroups.iter().find(wanted).map(|cgroup| cgroup.id)
    }

    /// Runs a program to its end. One at a time; the program's orphans live on with the container.
    pub fn exec<S: Into<String>>(&mut self, argv: impl IntoIterator<Item = S>) -> Result<Output, DemoError> {
        self.ask(&message::Command::Exec(argv.into_iter().map(Into::into).collect()))
    }

    pub fn perform(&mut self, deed: &Deed) -> Result<Output, DemoError> {
        self.ask(&message::Command::Perform(deed.name.into()))
    }

    fn ask(&mut self, command: &message::Command) -> Result<Output, DemoError> {
        let (line, _) = self.running.as_mut().ok_or(DemoError::Gone)?;
        line.send(command).map_err(io_error("give the container a command"))?;
        match self.reply()? {
            Reply::Done(output) => Ok(output),
            Reply::Failed(reason) => Err(DemoError::Inside(reason)),
            Reply::Ready { .. } => Err(DemoError::Confused),
        }
    }

    fn reply(&mut self) -> Result<Reply, DemoError> {
        let (line, _) = self.running.as_mut().ok_or(DemoError::Gone)?;
        line.receive().map_err(io_error("read the container's answer"))?.ok_or(DemoError::Gone)
    }

    /// Ends its processes and takes away its cgroups; `drop` does the same but can only log what failed.
    pub fn remove(mut self) -> Result<(), DemoError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), DemoError> {
        if let Some((line, mut child)) = self.running.take() {
            drop(line);
            child.wait().map_err(io_error("wait for the container's end"))?;
        }
        self.claim.clear().map_err(io_error("take the container away"))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Err(e) = self.end() {
            tracing::warn!(
                id = self.id,
                error = &e as &dyn std::error::Error,
                "a demo container is left behind"
            );
        }
    }
}

/// What a reader of OCI bundles needs to name the container's image and to see that it is not privileged.
fn describe(id: &str, image: &Image) -> String {
    let kept: Vec<String> = init::CAPABILITIES.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "ociVersion": "1.2.0",
        "hostname": init::HOSTNAME,
        "process": { "capabilities": { "bounding": kept } },
        "linux": { "cgroupsPath": format!("/{}/{id}", cgroup::PARENT) },
        "annotations": { bundle::DEMO_NAME: init::HOSTNAME, bundle::IMAGE_NAME: image.name() },
    })
    .to_string()
}

fn new_id() -> io::Result<String> {
    let mut bytes = [0_u8; ID_BYTES];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    if got != ID_BYTES {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "too few random bytes"));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn io_error(act: &'static str) -> impl FnOnce(io::Error) -> DemoError {
    move |source| DemoError::Io { act, source }
}
