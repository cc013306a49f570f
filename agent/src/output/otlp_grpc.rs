//! The way of OTLP over gRPC: one call, on a connection that is kept, in a runtime of its own.

use std::{collections::BTreeMap, time::Duration};

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse, logs_service_client::LogsServiceClient,
};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataKey, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::{OpenError, http::Auth, tls::Tls, transport::Failure};

pub struct Grpc {
    runtime: Runtime,
    url: String,
    headers: BTreeMap<String, String>,
    auth: Auth,
    tls: Tls,
    timeout: Duration,
    client: Option<LogsServiceClient<Channel>>,
}

impl Grpc {
    pub fn new(
        url: String,
        headers: BTreeMap<String, String>,
        auth: Auth,
        tls: Tls,
        timeout: Duration,
    ) -> Result<Grpc, OpenError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Grpc { runtime, url, headers, auth, tls, timeout, client: None })
    }

    pub fn export(
        &mut self,
        message: ExportLogsServiceRequest,
    ) -> Result<ExportLogsServiceResponse, Failure> {
        let request = self.request(message)?;
        let held = self.client.take();
        let call = async {
            let mut client = match held {
                Some(client) => client,
                None => LogsServiceClient::new(self.endpoint()?.connect().await.map_err(Failure::again)?),
            };
            let answer = client.export(request).await.map_err(failure)?;
            Ok((client, answer.into_inner()))
        };
        let done = self.runtime.block_on(async { timeout(self.timeout, call).await });
        let late = |_| Failure::Again(format!("no answer within {:?}", self.timeout));
        let (client, answer) = done.map_err(late)??;
        self.client = Some(client);
        Ok(answer)
    }

    fn endpoint(&self) -> Result<Endpoint, Failure> {
        let endpoint = Endpoint::from_shared(self.url.clone()).map_err(Failure::again)?;
        if !self.url.starts_with("https:") {
            return Ok(endpoint);
        }
        endpoint.tls_config(self.tls.of_grpc().map_err(Failure::again)?).map_err(Failure::again)
    }

    fn request(
        &self,
        message: ExportLogsServiceRequest,
    ) -> Result<Request<ExportLogsServiceRequest>, Failure> {
        let mut request = Request::new(message);
        let authorization = self.auth.header("Bearer").map_err(Failure::again)?;
        let authorization = authorization.map(|value| ("authorization", value));
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
        for (name, value) in headers.chain(authorization) {
            let key: MetadataKey<Ascii> = name.to_lowercase().parse().map_err(Failure::again)?;
            let value: MetadataValue<Ascii> = value.parse().map_err(Failure::again)?;
            request.metadata_mut().insert(key, value);
        }
        Ok(request)
    }
}

fn failure(status: Status) -> Failure {
    let for_ever = status.code() == Code::InvalidArgument;
    let why = format!("{:?}: {}", status.code(), status.message());
    if for_ever { Failure::Refused(why) } else { Failure::Again(why) }
}
