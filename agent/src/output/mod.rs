//! Where alerts go. Standard output is written directly; every other output has a file here, takes alerts from the spool and
//! is a `Transport`.

pub mod backoff;
pub mod elasticsearch;
pub mod file;
pub mod filter;
pub mod fluent;
pub mod http;
pub mod kafka;
pub mod loki;
pub mod nats;
pub mod otlp;
mod otlp_grpc;
pub mod secret;
pub mod splunk;
pub mod spooled;
pub mod stdout;
pub mod stream;
mod supervisor;
pub mod syslog;
pub mod template;
pub mod tls;
pub mod transport;
pub mod webhook;
pub mod worker;

use std::time::Duration;

use self::{tls::TlsError, transport::Transport};
use crate::{alert::Message, config::To, spool::SpoolError};

/// The pipeline's way out.
pub trait Output: Send {
    /// Called once, by the thread that will write, when the program has no more capabilities than it keeps.
    fn start(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    /// Called with messages in order; returns when they are out of this process or in the spool.
    fn write(&mut self, messages: &[Message]) -> Result<(), OutputError>;

    /// Called once, after the last message.
    fn end(&mut self) {}
}

#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Whoever read has gone away: a reason to end, not an error to report.
    #[error("the reader of standard output is gone")]
    Closed,
    #[error("encode alert of rule `{rule}`")]
    Encode { rule: String, source: serde_json::Error },
    #[error("write alert to standard output")]
    Write(#[source] std::io::Error),
    #[error("spool alerts")]
    Spool(#[from] SpoolError),
    #[error("start output `{name}`")]
    Open { name: String, source: OpenError },
    #[error("start a thread for an output")]
    Thread(#[source] std::io::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Template(#[from] template::TemplateError),
    #[error("start a runtime")]
    Runtime(#[from] std::io::Error),
}

/// The way to a receiver. Nothing is sent yet.
pub fn open(to: To, timeout: Duration) -> Result<Box<dyn Transport>, OpenError> {
    Ok(match to {
        To::File(settings) => Box::new(file::Lines::new(settings)),
        To::Syslog(settings) => Box::new(syslog::Syslog::new(settings, timeout)),
        To::Webhook(settings) => Box::new(webhook::Webhook::new(settings, timeout)?),
        To::Elasticsearch(settings) => Box::new(elasticsearch::Elasticsearch::new(settings, timeout)?),
        To::Splunk(settings) => Box::new(splunk::Splunk::new(settings, timeout)?),
        To::Loki(settings) => Box::new(loki::Loki::new(settings, timeout)?),
        To::Otlp(settings) => Box::new(otlp::Otlp::new(settings, timeout)?),
        To::Fluent(settings) => Box::new(fluent::Fluent::new(settings, timeout)),
        To::Nats(settings) => Box::new(nats::Nats::new(settings, timeout)),
        To::Kafka(settings) => Box::new(kafka::Kafka::new(settings, timeout)?),
    })
}
