//! Alerts on their way out: the spool is killed, filled up and damaged, and each output sends to a real receiver, or to a
//! strict one where the real one cannot be had. README.md says which is which.

mod agent;
mod certificates;
mod command;
mod feeder;
mod http;
mod metrics;
mod process;
mod spool;

mod elasticsearch;
mod fluent;
mod kafka;
mod loki;
mod nats;
mod otlp;
mod splunk;
mod syslog;
mod victoria;
mod webhook;
