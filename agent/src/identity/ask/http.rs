//! Docker's API, which Podman speaks too: one request on one connection.

use std::{path::Path, pin::pin};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use nightjar_engine::Container;
use serde_json::Value;
use tokio::net::UnixStream;

use super::{super::oci::docker, ANSWER_BYTES_MAX, AskError};

/// What `docker inspect` would say. `None`: there is no such container.
pub async fn inspect(socket: &Path, id: &str) -> Result<Option<Container>, AskError> {
    // An id is a component of a path; what else it may hold must not become part of the request.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    let stream = UnixStream::connect(socket).await.map_err(AskError::Connect)?;
    let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await?;
    let request = Request::get(format!("/containers/{id}/json")).header("host", "localhost");
    let request = request.body(Empty::new()).map_err(|error| AskError::Body(error.into()))?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        match response.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            status => return Err(AskError::Status(status)),
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok(Some(body.map_err(AskError::Body)?.to_bytes()))
    };
    // The connection does the work of the exchange; it may end first, with the answer handed over.
    let mut exchange = pin!(exchange);
    let body = tokio::select! {
        body = &mut exchange => body?,
        ended = connection => {
            ended?;
            exchange.await?
        }
    };
    let Some(body) = body else { return Ok(None) };
    let told: Value = serde_json::from_slice(&body)?;
    let mut container = Container::default();
    docker::fill(&told, told.pointer("/HostConfig"), &mut container);
    Ok(Some(container))
}
