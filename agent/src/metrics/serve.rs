//! Answers `GET /metrics` over HTTP, on a thread of its own: whoever scrapes cannot hold up the watching.

use std::{convert::Infallible, io, net::TcpListener, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use procfs::process::Process;
use tokio::{
    net::TcpStream,
    runtime::Builder,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use super::{Metrics, page};

/// Connections at one time; further ones wait.
pub const CONNECTIONS_MAX: usize = 16;
/// How long a connection may take, from its first byte to its last.
const CONNECTION_TIME: Duration = Duration::from_secs(30);
/// Pause after a connection could not be taken, for want of descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What the kernel says of the agent; `None`: it does not say.
pub(super) struct Own {
    pub resident: Option<u64>,
    pub cpu_seconds: Option<f64>,
    pub descriptors: Option<usize>,
    pub started: Option<f64>,
}

impl Own {
    pub fn read() -> Own {
        let process = Process::myself().ok();
        let stat = process.as_ref().and_then(|process| process.stat().ok());
        let ticks = procfs::ticks_per_second() as f64;
        let since_boot = stat.as_ref().map(|stat| stat.starttime as f64 / ticks);
        Own {
            resident: stat.as_ref().map(|stat| stat.rss * procfs::page_size()),
            cpu_seconds: stat.as_ref().map(|stat| (stat.utime + stat.stime) as f64 / ticks),
            descriptors: process.as_ref().and_then(|process| process.fd_count().ok()),
            started: since_boot
                .zip(procfs::boot_time_secs().ok())
                .map(|(since_boot, boot)| boot as f64 + since_boot),
        }
    }
}

/// The listener does not block.
pub(super) fn start(listener: TcpListener, metrics: Metrics) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        warn!(%address, "metrics are served to whoever can reach this address, without a password");
    }
    info!(%address, "serves metrics");
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let serve = move || {
        if let Err(error) = runtime.block_on(serve(listener, metrics)) {
            warn!(%error, "metrics are not served any more");
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(serve).map(drop)
}

async fn serve(listener: TcpListener, metrics: Metrics) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "take a connection for metrics");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            answer_all(stream, metrics).await;
            drop(place);
        });
    }
}

async fn answer_all(stream: TcpStream, metrics: Metrics) {
    let service = service_fn(|request| {
        let response = answer(&request, &metrics);
        async { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    let connection = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "answer about metrics"),
        Err(_) => debug!("a connection for metrics took too long"),
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let plain = |status: StatusCode, text: &str| {
        let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
        *response.status_mut() = status;
        response
    };
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match page::text(metrics) {
            Ok(text) => {
                let mut response = plain(StatusCode::OK, &text);
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(page::CONTENT_TYPE));
                response
            }
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
        },
        (&Method::GET | &Method::HEAD, _) => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n"),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n"),
    }
}
