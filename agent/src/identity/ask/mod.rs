//! Asks a container's runtime, over its own socket, for what no file that the agent can read tells: the image of a plain
//! container of containerd, the labels of a pod, anything of Docker and Podman where their folders are not mounted.
//!
//! It runs beside the pipeline, which goes on meanwhile. Each question has a time limit, few are asked at once, and a
//! runtime that does not answer is left alone for a while. It does not decide who is asked about: `container` does.

mod grpc;
mod http;
mod proto;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nightjar_engine::Container;
use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, Receiver, Sender},
    },
    time::{Instant, timeout},
};
use tracing::debug;

use super::path::Runtime;

/// How long one socket may take for an answer.
pub const ASK_TIMEOUT: Duration = Duration::from_millis(800);
/// Questions that are asked at once, over all sockets.
pub const ASKED_AT_ONCE_MAX: usize = 8;
/// Answers that nobody has taken yet; who has more to say waits.
const ANSWERS_MAX: usize = 64;
/// Longest answer.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long a socket is left alone that gave no answer; it doubles each time.
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub id: String,
    /// When its cgroup was made: a container that is started again is another question.
    pub made: u64,
    pub runtime: Runtime,
    pub in_pod: bool,
    /// containerd's; empty: not known.
    pub namespace: String,
    /// Of its pod; empty: not known, or it is the sandbox itself.
    pub sandbox: String,
}

#[derive(Debug)]
pub struct Answer {
    pub id: String,
    pub made: u64,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub enum Outcome {
    /// By this runtime.
    Told(Runtime, Box<Container>),
    /// No runtime that could know of it has a socket here.
    NobodyToAsk,
    /// Whoever could know of it did not say.
    InVain,
}

/// Why a socket gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("connect")]
    Connect(#[source] std::io::Error),
    #[error("speak gRPC")]
    Grpc(#[from] tonic::transport::Error),
    #[error("call")]
    Call(#[from] Box<tonic::Status>),
    #[error("speak HTTP")]
    Http(#[from] hyper::Error),
    #[error("read the answer")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("understand the answer")]
    Json(#[from] serde_json::Error),
    #[error("status {0}")]
    Status(u16),
    #[error("no answer within {ASK_TIMEOUT:?}")]
    Timeout,
}

/// Where runtimes listen, below the host's root.
#[derive(Clone, Debug)]
pub struct Sockets(Vec<(Speech, PathBuf)>);

/// What is spoken at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    Docker,
    Podman,
    Containerd,
    CriO,
}

impl Default for Sockets {
    fn default() -> Self {
        let known = [
            (Speech::Docker, "run/docker.sock"),
            (Speech::Podman, "run/podman/podman.sock"),
            (Speech::Containerd, "run/containerd/containerd.sock"),
            (Speech::Containerd, "run/k3s/containerd/containerd.sock"),
            (Speech::Containerd, "run/k0s/containerd.sock"),
            (Speech::Containerd, "var/snap/microk8s/common/run/containerd.sock"),
            (Speech::CriO, "run/crio/crio.sock"),
        ];
        Sockets(known.map(|(speech, path)| (speech, path.into())).into())
    }
}

impl Sockets {
    pub fn none() -> Self {
        Sockets(Vec::new())
    }
}

impl Speech {
    fn runtime(self) -> Runtime {
        match self {
            Speech::Docker => Runtime::Docker,
            Speech::Podman => Runtime::Podman,
            Speech::Containerd => Runtime::Containerd,
            Speech::CriO => Runtime::CriO,
        }
    }

    /// Whether it could know of it.
    fn may_know(self, ask: &Ask) -> bool {
        match ask.runtime {
            Runtime::Unknown if ask.in_pod => self != Speech::Podman,
            Runtime::Unknown => matches!(self, Speech::Docker | Speech::Podman),
            runtime => runtime == self.runtime(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskStats {
    pub told: u64,
    /// Nobody knew it, no answer came in time, or as many questions were open as may be.
    pub in_vain: u64,
    /// Sockets that failed or did not answer in time.
    pub failures: u64,
}

struct Door {
    speech: Speech,
    path: PathBuf,
    rests_until: Instant,
    rest: Duration,
}

/// How asking ended, with the doors at which nobody answered.
struct Done {
    answer: Answer,
    answered: Vec<(usize, bool)>,
}

pub struct Asker {
    doors: Vec<Door>,
    permits: Arc<Semaphore>,
    sender: Sender<Done>,
    done: Receiver<Done>,
    /// Answers that took no asking.
    at_once: VecDeque<Answer>,
    stats: AskStats,
}

impl Asker {
    pub fn new(host: &Path, sockets: &Sockets) -> Self {
        let (sender, done) = mpsc::channel(ANSWERS_MAX);
        let now = Instant::now();
        let door = |(speech, path): &(Speech, PathBuf)| Door {
            speech: *speech,
            path: host.join(path),
            rests_until: now,
            rest: REST_MIN,
        };
        Asker {
            doors: sockets.0.iter().map(door).collect(),
            permits: Arc::new(Semaphore::new(ASKED_AT_ONCE_MAX)),
            sender,
            done,
            at_once: VecDeque::new(),
            stats: AskStats::default(),
        }
    }

    pub fn stats(&self) -> AskStats {
        self.stats
    }

    /// Asks, in a task of its own. Must be called in a tokio runtime. Every question has an answer.
    pub fn ask(&mut self, ask: Ask) {
        let now = Instant::now();
        let doors = self.doors.iter().enumerate();
        let there: Vec<_> =
            doors.filter(|(_, door)| door.speech.may_know(&ask) && door.path.exists()).collect();
        let open = there.iter().filter(|(_, door)| door.rests_until <= now);
        let open: Vec<_> = open.map(|(at, door)| (*at, door.speech, door.path.clone())).collect();
        let permit = self.permits.clone().try_acquire_owned();
        let (false, Ok(permit)) = (open.is_empty(), permit) else {
            let outcome = if there.is_empty() { Outcome::NobodyToAsk } else { Outcome::InVain };
            self.at_once.push_back(Answer { id: ask.id, made: ask.made, outcome });
            return;
        };
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let done = ask_all(ask, &open).await;
            drop(permit);
            // Whoever asked has ended.
            drop(sender.send(done).await);
        });
    }

    /// Waits for an answer; for ever, when none is due.
    pub async fn next(&mut self) -> Answer {
        let answer = match self.at_once.pop_front() {
            Some(answer) => answer,
            None => match self.done.recv().await {
                Some(done) => self.note(done),
                // It holds a sender itself.
                None => std::future::pending().await,
            },
        };
        match answer.outcome {
            Outcome::Told(..) => self.stats.told += 1,
            Outcome::InVain => self.stats.in_vain += 1,
            Outcome::NobodyToAsk => {}
        }
        answer
    }

    fn note(&mut self, done: Done) -> Answer {
        for (at, answered) in done.answered {
            let door = &mut self.doors[at];
            if answered {
                door.rest = REST_MIN;
            } else {
                self.stats.failures += 1;
                door.rests_until = Instant::now() + door.rest;
                door.rest = (door.rest * 2).min(REST_MAX);
            }
        }
        done.answer
    }
}

async fn ask_all(ask: Ask, doors: &[(usize, Speech, PathBuf)]) -> Done {
    let (mut outcome, mut answered) = (Outcome::InVain, Vec::new());
    for (at, speech, path) in doors {
        let told = match timeout(ASK_TIMEOUT, ask_one(*speech, path, &ask)).await {
            Ok(told) => told,
            Err(_) => Err(AskError::Timeout),
        };
        answered.push((*at, told.is_ok()));
        match told {
            Ok(Some(container)) => {
                outcome = Outcome::Told(speech.runtime(), Box::new(container));
                break;
            }
            Ok(None) => {}
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                debug!(socket = %path.display(), error, "a runtime did not say what a container is");
            }
        }
    }
    Done { answer: Answer { id: ask.id, made: ask.made, outcome }, answered }
}

/// `None`: it does not know it.
async fn ask_one(speech: Speech, path: &Path, ask: &Ask) -> Result<Option<Container>, AskError> {
    match speech {
        Speech::Docker | Speech::Podman => http::inspect(path, &ask.id).await,
        Speech::Containerd if !ask.in_pod => grpc::containerd(path, ask).await,
        Speech::Containerd | Speech::CriO => grpc::cri(path, ask).await,
    }
}

#[cfg(test)]
mod tests;
