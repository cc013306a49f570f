//! Runtimes of these tests are tasks that listen on a socket in a folder and say what the test wants.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixListener,
};

use super::*;

const ID: &str = "3f4c1b1c9a7d5e60f1a2b3c4d5e6f70812233445566778899aabbccddeeff001";

fn question(runtime: Runtime) -> Ask {
    Ask {
        id: ID.to_owned(),
        made: 7,
        runtime,
        in_pod: false,
        namespace: String::new(),
        sandbox: String::new(),
    }
}

struct Host {
    root: tempfile::TempDir,
    asker: Asker,
}

fn host() -> Host {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("run")).unwrap();
    let asker = Asker::new(root.path(), &Sockets::default());
    Host { root, asker }
}

impl Host {
    fn listen(&self) -> UnixListener {
        let path = self.root.path().join("run/docker.sock");
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
        UnixListener::bind(path).unwrap()
    }

    async fn ask(&mut self) -> Outcome {
        self.asker.ask(question(Runtime::Docker));
        let answer = self.asker.next().await;
        assert_eq!((&*answer.id, answer.made), (ID, 7));
        answer.outcome
    }
}

/// Answers each request with this.
async fn say(listener: UnixListener, status: &'static str, body: String) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = [0; 1024];
        let len = stream.read(&mut request).await.unwrap();
        assert!(request[..len].starts_with(format!("GET /containers/{ID}/json HTTP/1.1").as_bytes()));
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn docker_tells_what_its_files_would() {
    let mut host = host();
    let body = r#"{"Name":"/web","Image":"sha256:aa","Config":{"Image":"nginx:1","Labels":{"app":"shop"}},
        "State":{"StartedAt":"1970-01-01T00:00:01Z"},"HostConfig":{"Privileged":true,"PidMode":"host",
        "NetworkMode":"bridge","IpcMode":"private"},"NetworkSettings":{"IPAddress":"172.17.0.2"},
        "Mounts":[{"Source":"/srv","Destination":"/data","Mode":"ro","RW":false,"Propagation":"rprivate"}]}"#;
    tokio::spawn(say(host.listen(), "200 OK", body.to_owned()));
    let Outcome::Told(Runtime::Docker, told) = host.ask().await else { panic!("told") };
    assert_eq!((&*told.name, &*told.image, &*told.ip), ("web", "nginx:1", "172.17.0.2"));
    assert_eq!((told.privileged, told.host_pid, told.host_network), (Some(true), Some(true), Some(false)));
    assert_eq!(
        (&*told.labels["app"], &*told.mounts[0].dest, told.start_time),
        ("shop", "/data", 1_000_000_000)
    );
    assert_eq!(host.asker.stats(), AskStats { told: 1, ..AskStats::default() });
}

#[tokio::test]
async fn where_no_runtime_listens_nobody_is_asked() {
    assert!(matches!(host().ask().await, Outcome::NobodyToAsk));
}

#[tokio::test]
async fn one_that_is_not_known_there_is_no_failure() {
    let mut host = host();
    tokio::spawn(say(host.listen(), "404 Not Found", "{}".to_owned()));
    assert!(matches!(host.ask().await, Outcome::InVain));
    assert_eq!(host.asker.stats(), AskStats { in_vain: 1, ..AskStats::default() });
}

#[tokio::test]
async fn a_runtime_that_hangs_costs_one_question_and_is_asked_again_when_it_had_its_rest() {
    let mut host = host();
    // It takes connections, and says nothing.
    let hangs = host.listen();
    assert!(matches!(host.ask().await, Outcome::InVain));
    assert_eq!(host.asker.stats().failures, 1);
    assert!(matches!(host.ask().await, Outcome::InVain));
    assert_eq!(host.asker.stats().failures, 1, "it was not asked");
    drop(hangs);
    assert!(host.asker.doors[0].rests_until > Instant::now());
    host.asker.doors[0].rests_until = Instant::now();
    tokio::spawn(say(host.listen(), "200 OK", r#"{"Name":"/web"}"#.to_owned()));
    assert!(matches!(host.ask().await, Outcome::Told(..)), "it was started again");
}

#[tokio::test]
async fn nonsense_and_endless_answers_are_failures() {
    for body in ["x".repeat(ANSWER_BYTES_MAX + 1), "[".to_owned()] {
        let mut host = host();
        tokio::spawn(say(host.listen(), "200 OK", body));
        assert!(matches!(host.ask().await, Outcome::InVain));
        assert_eq!(host.asker.stats().failures, 1);
    }
}

#[tokio::test]
async fn no_more_is_asked_at_once_than_may_be() {
    let mut host = host();
    let _hangs = host.listen();
    for _ in 0..=ASKED_AT_ONCE_MAX {
        host.asker.ask(question(Runtime::Docker));
    }
    assert!(
        matches!(host.asker.at_once.front(), Some(Answer { outcome: Outcome::InVain, .. })),
        "one too many"
    );
    assert!(matches!(host.asker.next().await.outcome, Outcome::InVain));
    for _ in 0..ASKED_AT_ONCE_MAX {
        assert!(matches!(host.asker.next().await.outcome, Outcome::InVain));
    }
    assert_eq!(host.asker.stats().in_vain, ASKED_AT_ONCE_MAX as u64 + 1);
}

#[tokio::test]
async fn an_id_cannot_become_another_request() {
    let mut host = host();
    tokio::spawn(say(host.listen(), "200 OK", "{}".to_owned()));
    let id = "../images/x?".to_owned();
    host.asker.ask(Ask { id, ..question(Runtime::Docker) });
    assert!(matches!(host.asker.next().await.outcome, Outcome::InVain));
}
