//! Receivers on loopback that say yes to everything as fast as they can: what is measured is the output, not who is sent to.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    thread,
};

use serde::{Deserialize, Serialize, de::IgnoredAny};

/// Serves each connection on a thread of its own; the port.
fn serve(each: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let each = each.clone();
            // Whoever was measured has gone when it fails.
            thread::spawn(move || drop(each(stream)));
        }
    });
    port
}

/// Takes all bytes.
pub fn tcp() -> u16 {
    serve(|mut stream| io::copy(&mut stream, &mut io::sink()).map(drop))
}

/// Takes all datagrams.
pub fn udp() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port();
    thread::spawn(move || while socket.recv(&mut [0; 65_536]).is_ok() {});
    port
}

/// Answers each request with status 200 and what is made of its body.
pub fn http(answer: fn(&[u8]) -> Vec<u8>) -> u16 {
    serve(move |stream| {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::with_capacity(1 << 16, stream);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let line = line.to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let body = answer(&body);
            let mut out = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
            out.extend(body);
            reader.get_mut().write_all(&out)?;
        }
    })
}

/// Elasticsearch: every document of `_bulk` was made.
pub fn bulk(body: &[u8]) -> Vec<u8> {
    let documents = body.iter().filter(|byte| **byte == b'\n').count() / 2;
    let items = vec![r#"{"create":{"status":201}}"#; documents].join(",");
    format!("{{\"errors\":false,\"items\":[{items}]}}").into_bytes()
}

#[derive(Deserialize)]
struct Forward(IgnoredAny, IgnoredAny, Options);

#[derive(Deserialize)]
struct Options {
    chunk: String,
}

#[derive(Serialize)]
struct Ack {
    ack: String,
}

/// Acknowledges each chunk of the Fluent forward protocol.
pub fn fluent() -> u16 {
    serve(|stream| {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::with_capacity(1 << 16, stream);
        loop {
            let Forward(_, _, Options { chunk }) =
                rmp_serde::from_read(&mut reader).map_err(io::Error::other)?;
            let ack = rmp_serde::to_vec_named(&Ack { ack: chunk }).map_err(io::Error::other)?;
            reader.get_mut().write_all(&ack)?;
        }
    })
}
