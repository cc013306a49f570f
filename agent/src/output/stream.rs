//! Connections that are no HTTP: TCP, and TLS over it, with a limit on how long each step takes.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use tracing::debug;

use super::{tls::Tls, transport::Failure};
use crate::config::SettingsError;

/// How long a receiver may take to object to our certificate.
const VERDICT_MAX: Duration = Duration::from_secs(2);

pub enum Stream {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// `host:port`.
pub fn check_address(address: &str) -> Result<(), SettingsError> {
    let fits =
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    fits.then_some(()).ok_or_else(|| SettingsError::Wrong(format!("`{address}` is not HOST:PORT")))
}

impl Stream {
    pub fn tcp(address: &str, tls: Option<&Tls>, timeout: Duration) -> Result<Stream, Failure> {
        let stream = Stream::Tcp(connect(address, timeout).map_err(Failure::again)?);
        match tls {
            Some(tls) => stream.into_tls(address, tls, timeout),
            None => Ok(stream),
        }
    }

    /// Goes on in TLS, to the host of an address.
    pub fn into_tls(self, address: &str, tls: &Tls, timeout: Duration) -> Result<Stream, Failure> {
        let Stream::Tcp(tcp) = &self else { return Ok(self) };
        let tcp = tcp.try_clone().map_err(Failure::again)?;
        let config = tls.config().map_err(Failure::again)?;
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(Failure::again)?;
        let connection = ClientConnection::new(config, name).map_err(Failure::again)?;
        let mut stream = StreamOwned::new(connection, tcp);
        // At once, so that a wrong certificate is known before anything is taken for sent.
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(Failure::again)?;
        }
        if tls.cert.is_some() {
            // With TLS 1.3 the receiver looks at our certificate after we are done. It then says no, or sends tickets.
            stream.sock.set_read_timeout(Some(VERDICT_MAX.min(timeout))).map_err(Failure::again)?;
            take_in(&mut stream).map_err(Failure::again)?;
            stream.sock.set_read_timeout(Some(timeout)).map_err(Failure::again)?;
        }
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Whether the other end has closed it since. Of a receiver that never answers, nothing else can be read.
    pub fn is_closed(&mut self) -> bool {
        let tcp = match self {
            Stream::Tcp(tcp) => &*tcp,
            Stream::Tls(tls) => &tls.sock,
        };
        if tcp.set_nonblocking(true).is_err() {
            return true;
        }
        let open = match self {
            Stream::Tcp(tcp) => match tcp.peek(&mut [0]) {
                Ok(bytes) => bytes > 0,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            },
            Stream::Tls(tls) => take_in(tls).is_ok(),
        };
        let tcp = match self {
            Stream::Tcp(tcp) => &*tcp,
            Stream::Tls(tls) => &tls.sock,
        };
        !open || tcp.set_nonblocking(false).is_err()
    }
}

impl Drop for Stream {
    /// Tells the other end that nothing is missing.
    fn drop(&mut self) {
        let Stream::Tls(tls) = self else { return };
        tls.conn.send_close_notify();
        if let Err(error) = tls.conn.write_tls(&mut tls.sock) {
            debug!(%error, "close a connection");
        }
    }
}

/// Takes in what the other end has said of the connection itself: tickets, a warning, its end.
fn take_in(tls: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<()> {
    match tls.conn.read_tls(&mut tls.sock) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(_) => tls.conn.process_new_packets().map(drop).map_err(io::Error::other),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(error),
    }
}

fn connect(address: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, format!("{address} has no address"));
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(tcp) => {
                tcp.set_write_timeout(Some(timeout))?;
                tcp.set_read_timeout(Some(timeout))?;
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
