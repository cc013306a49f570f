//! The table as Prometheus reads it, in its text format, and as docs/metrics.md.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    Metrics,
    table::{Is, Row, TABLE},
};

/// What `/metrics` answers.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let reading = self.read();
        for row in TABLE {
            let mut samples: Vec<(Vec<(&str, String)>, f64)> = Vec::new();
            (row.read)(&reading, &mut |values, number| {
                let values = values.iter().map(|value| (*value).to_owned());
                samples.push((row.labels.iter().copied().zip(values).collect(), number));
            });
            if samples.is_empty() {
                continue;
            }
            let kind = match row.is {
                Is::Counter => MetricType::Counter,
                Is::Gauge => MetricType::Gauge,
            };
            let mut family = encoder.encode_descriptor(row.name, row.help, None, kind)?;
            for (labels, number) in samples {
                if labels.is_empty() {
                    encode(row, number, &mut family)?;
                } else {
                    encode(row, number, &mut family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn encode(row: &Row, number: f64, sample: &mut MetricEncoder) -> fmt::Result {
    match row.is {
        Is::Counter => sample.encode_counter::<NoLabelSet, _, f64>(&number, None),
        Is::Gauge => sample.encode_gauge(&number),
    }
}

pub(super) fn text(metrics: &Metrics) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics.clone()));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

/// docs/metrics.md.
pub fn page() -> String {
    let mut page = "# Metrics

What `nightjar run --metrics ADDRESS` serves for Prometheus, at `/metrics`, in its text format. Off by default. ADDRESS is `IP:PORT`, or a port alone, which is then on loopback. There is no
password and no TLS: an address that others can reach is told to whoever asks what this node watches and which rules fire. The page is made when it is asked for; what is about the
watching is at most a second old. Made by `cargo xtask docs`.

Counters of outputs are kept in the spool and go on after a restart; all others begin with the agent. A family without a value is not there: those of the spool and the outputs come with outputs.

| metric | type | labels | says |
|---|---|---|---|
"
    .to_owned();
    let rows = TABLE.iter().map(|row| {
        let labels: Vec<_> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = match row.is {
            Is::Counter => "counter",
            Is::Gauge => "gauge",
        };
        format!("| `{}` | {kind} | {} | {} |\n", row.full_name(), labels.join(", "), row.help)
    });
    page.extend(rows);
    page
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        io::{Read, Write},
        net::{SocketAddr, TcpStream},
    };

    use super::{
        super::{Metered, held},
        *,
    };
    use crate::{
        alert::{Message, sample::alert},
        output::{Output, OutputError},
    };

    struct Nothing;

    impl Output for Nothing {
        fn write(&mut self, _: &[Message]) -> Result<(), OutputError> {
            Ok(())
        }
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn alerts_are_counted_by_rule_and_what_a_rule_is_called_breaks_no_line() {
        let address = "127.0.0.1:0".parse().unwrap();
        let (mut output, metrics) = Metered::bind(address, Box::new(Nothing), None).unwrap();
        let mut odd = alert();
        std::sync::Arc::make_mut(&mut odd.finding.rule).name = "a\n\"b\" \\ {c}".into();
        output.write(&[Message::Alert(Box::new(alert())), Message::Alert(Box::new(odd))]).unwrap();
        output.write(&[Message::Alert(Box::new(alert()))]).unwrap();
        let text = text(&metrics).unwrap();
        let alerts: Vec<_> = text.lines().filter(|line| line.starts_with("nightjar_alerts_total{")).collect();
        let expected = [
            r#"nightjar_alerts_total{rule="Read sensitive file",priority="Warning"} 2.0"#,
            r#"nightjar_alerts_total{rule="a\n\"b\" \\ {c}",priority="Warning"} 1.0"#,
        ];
        assert_eq!(alerts, expected, "{text}");
    }

    #[test]
    fn only_the_page_itself_is_answered() {
        let address = "127.0.0.1:0".parse().unwrap();
        let (mut output, _) = Metered::bind(address, Box::new(Nothing), None).unwrap();
        let address = output.listener.as_ref().unwrap().local_addr().unwrap();
        output.start().unwrap();
        let head = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let good = ask(address, &format!("GET /metrics{head}"));
        assert!(
            good.starts_with("HTTP/1.1 200 OK\r\n") && good.contains("nightjar_build_info{version="),
            "{good}"
        );
        assert!(ask(address, &format!("GET /{head}")).starts_with("HTTP/1.1 404 "));
        assert!(ask(address, &format!("POST /metrics{head}")).starts_with("HTTP/1.1 405 "));
        assert!(ask(address, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    }

    #[test]
    fn rules_beyond_the_limit_are_one_sum() {
        let metrics = Metrics::on(None);
        let shared = metrics.0.as_ref().unwrap();
        for n in 0..super::super::RULES_COUNTED_MAX {
            held(&shared.alerts).insert((n.to_string(), nightjar_engine::rule::Priority::Error), 1);
        }
        metrics.count(&[Message::Alert(Box::new(alert()))]);
        let others = ("(others)".to_owned(), nightjar_engine::rule::Priority::Warning);
        assert_eq!(held(&shared.alerts).get(&others), Some(&1));
    }

    #[test]
    fn every_metric_has_a_name_of_its_own_in_the_fields_own_style() {
        let names: BTreeSet<_> = TABLE.iter().map(Row::full_name).collect();
        assert_eq!(names.len(), TABLE.len());
        for row in TABLE {
            assert!(row.name.starts_with("nightjar_") || row.name.starts_with("process_"), "{}", row.name);
            assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", row.name);
            assert!(
                !row.name.ends_with("_total") && !row.help.is_empty() && !row.help.ends_with('.'),
                "{}",
                row.name
            );
        }
    }
}
