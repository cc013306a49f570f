//! containerd's own API, and CRI v1, which containerd and CRI-O speak: a connection for each question.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use hyper::http::uri::PathAndQuery;
use nightjar_engine::Container;
use prost::Message;
use tonic::{
    Code, Request,
    client::Grpc,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use super::{
    super::oci::{bundle, json},
    ANSWER_BYTES_MAX, Ask, AskError,
    proto::{
        ById, CONTAINER_STATUS, CONTAINERD_CONTAINER, CONTAINERD_IMAGE, ContainerStatus,
        ContainerStatusResponse, GetContainerResponse, GetImageResponse, NODE, PodSandboxStatus,
        PodSandboxStatusResponse, SANDBOX_STATUS,
    },
};

/// containerd's namespace goes with each call.
const NAMESPACE: &str = "containerd-namespace";
/// `ctr` takes this one unless told otherwise.
const NAMESPACE_DEFAULT: &str = "default";

struct Client {
    grpc: Grpc<Channel>,
    /// Empty: none is told.
    namespace: String,
}

impl Client {
    async fn connect(socket: &Path, namespace: &str) -> Result<Client, AskError> {
        let channel = Endpoint::from_shared(format!("unix://{}", socket.display()))?.connect().await?;
        let grpc = Grpc::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Client { grpc, namespace: namespace.to_owned() })
    }

    /// `None`: there is no such thing.
    async fn get<T: Message + Default + 'static>(
        &mut self,
        method: &'static str,
        id: &str,
    ) -> Result<Option<T>, AskError> {
        let mut request = Request::new(ById { id: id.to_owned() });
        if let Ok(namespace) = MetadataValue::try_from(&self.namespace)
            && !self.namespace.is_empty()
        {
            request.metadata_mut().insert(NAMESPACE, namespace);
        }
        self.grpc.ready().await?;
        let method = PathAndQuery::from_static(method);
        match self.grpc.unary(request, method, ProstCodec::<ById, T>::default()).await {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(Box::new(status).into()),
        }
    }
}

/// A container that is no pod's.
pub async fn containerd(socket: &Path, ask: &Ask) -> Result<Option<Container>, AskError> {
    let namespace = if ask.namespace.is_empty() { NAMESPACE_DEFAULT } else { &ask.namespace };
    let mut client = Client::connect(socket, namespace).await?;
    let told: Option<GetContainerResponse> = client.get(CONTAINERD_CONTAINER, &ask.id).await?;
    let Some(told) = told.and_then(|told| told.container) else { return Ok(None) };
    let mut container = Container { labels: labels(told.labels), ..Container::default() };
    if !told.image.is_empty() {
        let image: Option<GetImageResponse> = client.get(CONTAINERD_IMAGE, &told.image).await?;
        let target = image.and_then(|image| image.image?.target);
        bundle::set_image(&mut container, told.image);
        if let Some(target) = target {
            container.image_digest = target.digest;
        }
    }
    Ok(Some(container))
}

/// A container of a pod, or a pod's sandbox.
pub async fn cri(socket: &Path, ask: &Ask) -> Result<Option<Container>, AskError> {
    let mut client = Client::connect(socket, "").await?;
    let is_sandbox = ask.sandbox == ask.id;
    let told = match is_sandbox {
        true => None,
        false => client.get::<ContainerStatusResponse>(CONTAINER_STATUS, &ask.id).await?,
    };
    let told = told.and_then(|told| told.status);
    let sandbox = match &*ask.sandbox {
        "" if told.is_some() => None,
        "" => client.get::<PodSandboxStatusResponse>(SANDBOX_STATUS, &ask.id).await?,
        sandbox => client.get(SANDBOX_STATUS, sandbox).await?,
    };
    let sandbox = sandbox.and_then(|told| told.status);
    if told.is_none() && sandbox.is_none() {
        return Ok(None);
    }
    let mut container = Container::default();
    if let Some(sandbox) = sandbox {
        of_sandbox(sandbox, &mut container);
    }
    match told {
        Some(told) => of_container(told, &mut container),
        None => {
            container.name = "POD".to_owned();
            container.labels = container.pod_labels.clone();
        }
    }
    Ok(Some(container))
}

fn of_container(told: ContainerStatus, container: &mut Container) {
    container.name = told.metadata.unwrap_or_default().name;
    container.start_time = u64::try_from(told.started_at).unwrap_or(0);
    container.labels = labels(told.labels);
    let image = told.image.unwrap_or_default();
    let asked_for =
        if image.user_specified_image.is_empty() { image.image } else { image.user_specified_image };
    bundle::set_image(container, asked_for);
    container.image_id = if told.image_id.is_empty() { told.image_ref.clone() } else { told.image_id };
    if let Some((_, digest)) = told.image_ref.split_once('@') {
        container.image_digest = digest.to_owned();
    }
}

fn of_sandbox(told: PodSandboxStatus, container: &mut Container) {
    let metadata = told.metadata.unwrap_or_default();
    container.pod_name = metadata.name;
    container.pod_namespace = metadata.namespace;
    container.pod_uid = metadata.uid;
    container.pod_labels = labels(told.labels);
    container.ip = told.network.unwrap_or_default().ip;
    if let Some(options) = told.linux.and_then(|linux| linux.namespaces?.options) {
        [container.host_pid, container.host_network, container.host_ipc] =
            [options.pid, options.network, options.ipc].map(|mode| Some(mode == NODE));
    }
}

fn labels(told: HashMap<String, String>) -> BTreeMap<String, String> {
    json::bounded(told.into_iter())
}
