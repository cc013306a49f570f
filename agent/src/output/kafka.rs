//! Kafka: a node's alerts go to one partition of the topic, so they stay in order; each has its key as the record's key.
//! The only output whose client needs a runtime, which it has to itself.

use std::{collections::BTreeMap, io, time::Duration};

use rskafka::{
    chrono::DateTime,
    client::{
        Client, ClientBuilder, Credentials, SaslConfig,
        error::{Error, ProtocolError},
        partition::{Compression, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};
use serde::Deserialize;
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

use super::{
    http::Auth,
    stream::check_address,
    tls::Tls,
    transport::{Failure, Item, Transport, Verdict, all_taken},
};
use crate::config::SettingsError;

const BROKERS_MAX: usize = 32;
/// Longest name of a topic, in bytes.
const TOPIC_MAX: usize = 249;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Each `host:port`; one that answers is enough.
    pub brokers: Vec<String>,
    pub topic: String,
    /// SASL: PLAIN by username and password.
    pub auth: Auth,
    /// TLS is used when this is there, be it empty.
    pub tls: Option<Tls>,
}

impl Default for Settings {
    fn default() -> Self {
        let topic = "nightjar-alerts".to_owned();
        Settings { brokers: Vec::new(), topic, auth: Auth::default(), tls: None }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |text: String| Err(SettingsError::Wrong(text));
        if self.brokers.is_empty() || self.brokers.len() > BROKERS_MAX {
            return wrong(format!("`brokers` names 1 to {BROKERS_MAX} brokers"));
        }
        self.brokers.iter().try_for_each(|broker| check_address(broker))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.topic.is_empty() || self.topic.len() > TOPIC_MAX || !self.topic.chars().all(plain) {
            return wrong(format!("`{}` cannot be the name of a topic", self.topic));
        }
        if self.auth.token.is_some() {
            return wrong("Kafka takes a `username` and a `password`, no `token`".to_owned());
        }
        self.auth.check()?;
        self.tls.as_ref().map(Tls::config).transpose()?;
        Ok(())
    }
}

pub struct Kafka {
    settings: Settings,
    timeout: Duration,
    runtime: Runtime,
    partition: Option<PartitionClient>,
}

impl Kafka {
    pub fn new(settings: Settings, timeout: Duration) -> io::Result<Kafka> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Kafka { settings, timeout, runtime, partition: None })
    }
}

async fn connect(settings: &Settings, node: &str) -> Result<PartitionClient, Failure> {
    let mut builder = ClientBuilder::new(settings.brokers.clone()).client_id("nightjar");
    if let Some(tls) = &settings.tls {
        builder = builder.tls_config(tls.config().map_err(Failure::again)?);
    }
    if let (Some(username), Some(password)) = (&settings.auth.username, &settings.auth.password) {
        let password = password.read().map_err(Failure::again)?;
        builder = builder.sasl_config(SaslConfig::Plain(Credentials::new(username.clone(), password)));
    }
    let client = builder.build().await.map_err(Failure::again)?;
    let partition = partition_of(&client, &settings.topic, node).await?;
    client
        .partition_client(settings.topic.clone(), partition, UnknownTopicHandling::Error)
        .await
        .map_err(Failure::again)
}

/// The same for the same node, as long as the topic has as many partitions.
async fn partition_of(client: &Client, topic: &str, node: &str) -> Result<i32, Failure> {
    let topics = client.list_topics().await.map_err(Failure::again)?;
    let found = topics.into_iter().find(|found| found.name == topic);
    let Some(found) = found else { return Err(Failure::Again(format!("there is no topic `{topic}`"))) };
    let partitions: Vec<i32> = found.partitions.into_iter().collect();
    let at = crc32fast::hash(node.as_bytes()) as usize % partitions.len().max(1);
    partitions.get(at).copied().ok_or_else(|| Failure::Again(format!("topic `{topic}` has no partition")))
}

fn record(item: &Item) -> Record {
    Record {
        key: Some(item.key.clone().into_bytes()),
        value: Some(item.body.clone().into_bytes()),
        headers: BTreeMap::new(),
        timestamp: DateTime::from_timestamp_nanos(i64::try_from(item.time).unwrap_or(i64::MAX)),
    }
}

fn failure(error: Error) -> Failure {
    use ProtocolError::{CorruptMessage, InvalidRecord, MessageTooLarge, RecordListTooLarge};

    let for_ever = matches!(
        &error,
        Error::ServerError {
            protocol_error: MessageTooLarge | RecordListTooLarge | InvalidRecord | CorruptMessage,
            ..
        }
    );
    match Failure::again(error) {
        Failure::Again(why) if for_ever => Failure::Refused(why),
        failure => failure,
    }
}

impl Transport for Kafka {
    fn send(&mut self, items: &[Item]) -> Result<Vec<Verdict>, Failure> {
        let Some(first) = items.first() else { return Ok(Vec::new()) };
        let held = self.partition.take();
        let send = async {
            let partition = match held {
                Some(partition) => partition,
                None => connect(&self.settings, first.text("/hostname")).await?,
            };
            let records = items.iter().map(record).collect();
            partition.produce(records, Compression::NoCompression).await.map_err(failure)?;
            Ok(partition)
        };
        let sent = self.runtime.block_on(async { timeout(self.timeout, send).await });
        let late = |_| Failure::Again(format!("no answer within {:?}", self.timeout));
        self.partition = Some(sent.map_err(late)??);
        Ok(all_taken(items))
    }
}
