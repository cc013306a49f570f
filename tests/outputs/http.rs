//! A receiver of webhooks inside of the test, so that it can be slow, wrong or gone when the test says so.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use serde_json::Value;

#[derive(Default)]
struct State {
    /// Keys by number, and how often each came.
    arrived: Mutex<BTreeMap<u64, (String, u64)>>,
    requests: AtomicU64,
    closed: AtomicBool,
    /// Whether some requests are answered by an error, or not at all.
    moody: AtomicBool,
}

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    state: Arc<State>,
}

impl Receiver {
    pub fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let receiver = Receiver { url, state: Arc::default() };
        let serving = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(stream));
            }
        });
        receiver
    }

    /// Whether it answers that it is not available.
    pub fn close(&self, closed: bool) {
        self.state.closed.store(closed, Ordering::SeqCst);
    }

    pub fn be_moody(&self) {
        self.state.moody.store(true, Ordering::SeqCst);
    }

    /// Numbers that arrived; panics when one came under two keys.
    pub fn numbers(&self) -> Vec<u64> {
        self.state.arrived.lock().expect("no panic").keys().copied().collect()
    }

    /// How many came more than once.
    pub fn repeated(&self) -> usize {
        self.state.arrived.lock().expect("no panic").values().filter(|(_, times)| *times > 1).count()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
        while let Some(body) = request(&mut reader) {
            let request = self.state.requests.fetch_add(1, Ordering::SeqCst);
            let moody = self.state.moody.load(Ordering::SeqCst);
            if self.state.closed.load(Ordering::SeqCst) || moody && request % 5 == 1 {
                answer(&stream, "503 Service Unavailable");
                continue;
            }
            let alerts: Vec<Value> = serde_json::from_slice(&body).expect("a list of alerts");
            let mut arrived = self.state.arrived.lock().expect("no panic");
            for alert in &alerts {
                // A notice of the spool has no number.
                let Some(number) = alert["output_fields"]["exec.seen"].as_u64() else { continue };
                let key = alert["uuid"].as_str().expect("a key").to_owned();
                let (first, times) = arrived.entry(number).or_insert_with(|| (key.clone(), 0));
                assert_eq!(*first, key, "alert {number} has two keys");
                *times += 1;
            }
            drop(arrived);
            if moody && request % 7 == 3 {
                // Taken, but whoever sent it will never know.
                return;
            }
            answer(&stream, "200 OK");
        }
    }
}

/// The body of the next request.
fn request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn answer(mut stream: &TcpStream, status: &str) {
    // Whoever asked may have been killed.
    let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes());
}
