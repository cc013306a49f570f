//! Syslog, RFC 5424: UDP (RFC 5426), TCP with counted octets (RFC 6587), TLS (RFC 5425) and unix sockets. Syslog has no
//! acknowledgement: an alert counts as delivered when the kernel has taken it for the connection.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::{ToSocketAddrs, UdpSocket},
    os::unix::net::UnixDatagram,
    path::Path,
    time::Duration,
};

use serde::Deserialize;

use super::{
    stream::{Stream, check_address},
    tls::Tls,
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

/// authpriv.
const FACILITY: u8 = 10;
const FACILITY_MAX: u8 = 23;
/// What fits in one datagram, in bytes.
const DATAGRAM_MAX: usize = 65_507;
/// Longest name of a host, in bytes.
const HOSTNAME_MAX: usize = 255;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    Udp,
    #[default]
    Tcp,
    Tls,
    /// `address` is a path, such as /dev/log.
    Unix,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub address: String,
    pub over: Over,
    pub facility: u8,
    pub tls: Tls,
}

impl Default for Settings {
    fn default() -> Self {
        let (address, over) = (String::new(), Over::default());
        Settings { address, over, facility: FACILITY, tls: Tls::default() }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.facility > FACILITY_MAX {
            return Err(SettingsError::Wrong(format!("facility {} is above {FACILITY_MAX}", self.facility)));
        }
        match self.over {
            Over::Unix if self.address.starts_with('/') => Ok(()),
            Over::Unix => Err(SettingsError::Wrong(format!("`{}` is not an absolute path", self.address))),
            Over::Udp | Over::Tcp => check_address(&self.address),
            Over::Tls => {
                self.tls.config()?;
                check_address(&self.address)
            }
        }
    }
}

pub struct Syslog {
    settings: Settings,
    timeout: Duration,
    stream: Option<Stream>,
}

impl Syslog {
    pub fn new(settings: Settings, timeout: Duration) -> Syslog {
        Syslog { settings, timeout, stream: None }
    }

    fn datagrams(
        &self,
        items: &[Item],
        send: impl Fn(&[u8]) -> std::io::Result<usize>,
    ) -> Result<Vec<Verdict>, Failure> {
        let mut verdicts = Vec::with_capacity(items.len());
        for item in items {
            let message = self.message(item);
            if message.len() > DATAGRAM_MAX {
                verdicts.push(Verdict::Refused(format!("{} bytes do not fit in a datagram", message.len())));
                continue;
            }
            send(message.as_bytes()).map_err(Failure::again)?;
            verdicts.push(Verdict::Taken);
        }
        Ok(verdicts)
    }

    fn message(&self, item: &Item) -> String {
        let priority = self.settings.facility * 8 + item.priority as u8;
        // Syslog knows microseconds.
        let time = item.text("/time");
        let time = if time.len() == 30 { format!("{}Z", &time[..26]) } else { "-".to_owned() };
        let host: String =
            item.text("/hostname").chars().filter(char::is_ascii_graphic).take(HOSTNAME_MAX).collect();
        let host = if host.is_empty() { "-" } else { &host };
        format!("<{priority}>1 {time} {host} nightjar - alert - {}", item.body)
    }

    fn stream(&mut self) -> Result<&mut Stream, Failure> {
        if self.stream.as_mut().is_none_or(Stream::is_closed) {
            let tls = (self.settings.over == Over::Tls).then_some(&self.settings.tls);
            self.stream = Some(Stream::tcp(&self.settings.address, tls, self.timeout)?);
        }
        self.stream.as_mut().ok_or_else(|| Failure::Again("no connection".to_owned()))
    }
}

impl Transport for Syslog {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        match self.settings.over {
            Over::Udp => {
                let address = self.settings.address.to_socket_addrs().map_err(Failure::again)?.next();
                let Some(address) = address else { return Err(Failure::Again("no address".to_owned())) };
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any).map_err(Failure::again)?;
                // So that a port that nobody listens on is heard of with the next datagram.
                socket.connect(address).map_err(Failure::again)?;
                self.datagrams(items, |bytes| socket.send(bytes))
            }
            Over::Unix => {
                let socket = UnixDatagram::unbound().map_err(Failure::again)?;
                socket.connect(Path::new(&self.settings.address)).map_err(Failure::again)?;
                socket.set_write_timeout(Some(self.timeout)).map_err(Failure::again)?;
                self.datagrams(items, |bytes| socket.send(bytes))
            }
            Over::Tcp | Over::Tls => {
                let mut frames = String::new();
                for item in items {
                    let message = self.message(item);
                    write!(frames, "{} {message}", message.len()).map_err(Failure::again)?;
                }
                let stream = self.stream()?;
                let sent = stream.write_all(frames.as_bytes()).and_then(|()| stream.flush());
                if let Err(error) = sent {
                    self.stream = None;
                    return Err(Failure::again(error));
                }
                Ok(all_taken(items))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::transport::tests::item, *};

    #[test]
    fn a_message_has_the_header_of_rfc_5424() {
        let syslog = Syslog::new(Settings::default(), Duration::from_secs(1));
        let (message, item) = (syslog.message(&item()), item());
        let (header, body) = message.split_at(message.find(" {").unwrap() + 1);
        assert_eq!(header, "<84>1 2025-11-25T00:34:43.123456Z node-1 nightjar - alert - ");
        assert_eq!(body, item.body);
    }

    #[test]
    fn an_address_fits_its_transport() {
        let settings =
            |address: &str, over| Settings { address: address.into(), over, ..Settings::default() };
        settings("siem:514", Over::Tcp).check().unwrap();
        settings("[::1]:514", Over::Udp).check().unwrap();
        settings("/dev/log", Over::Unix).check().unwrap();
        assert!(settings("siem", Over::Tcp).check().is_err());
        assert!(settings("siem:514", Over::Unix).check().is_err());
        assert!(Settings { facility: 24, ..settings("siem:514", Over::Udp) }.check().is_err());
    }
}
