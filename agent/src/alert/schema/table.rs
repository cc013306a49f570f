//! Which fact of an alert is called what elsewhere: one row a fact, one column a schema. An empty word: the schema has none.
//! What takes more than a name (severities, lists, an image's tag) is in the schema's own file.

/// `at` is a JSON pointer into the alert. ECS 9.4, OCSF 1.4.0 and CEF revision 25 are what the words are of; tests hold
/// them against the published schemas. OCSF's `evidence.` stands for the one entry of `evidences`.
pub struct Row {
    pub at: &'static str,
    pub ecs: &'static str,
    pub ocsf: &'static str,
    pub cef: &'static str,
}

const fn row(at: &'static str, ecs: &'static str, ocsf: &'static str, cef: &'static str) -> Row {
    Row { at, ecs, ocsf, cef }
}

pub const ROWS: &[Row] = &[
    row("/uuid", "event.id", "metadata.uid", "externalId"),
    row("/time", "@timestamp", "metadata.original_time", ""),
    row("/hostname", "host.name", "device.hostname", "dvchost"),
    row("/rule", "rule.name", "finding_info.title", ""),
    row("/message", "message", "message", "msg"),
    row("/nightjar/version", "agent.version", "metadata.product.version", ""),
    row("/nightjar/node", "agent.name", "", ""),
    row("/incident/findings", "", "count", "cnt"),
    row("/incident/first", "event.start", "", ""),
    row("/incident/last", "event.end", "", ""),
    row("/incident/update", "event.sequence", "", ""),
    row("/incident/score", "event.risk_score", "risk_score", ""),
    row("/process/pid", "process.pid", "evidence.process.pid", "spid"),
    row("/process/name", "process.name", "evidence.process.name", "sproc"),
    row("/process/exe", "process.executable", "evidence.process.file.path", "deviceProcessName"),
    row("/process/cmdline", "process.command_line", "evidence.process.cmd_line", ""),
    row("/process/args", "process.args", "", ""),
    row("/process/cwd", "process.working_directory", "", ""),
    row("/process/euid", "process.user.id", "evidence.process.user.uid", "suid"),
    row("/process/user", "process.user.name", "evidence.process.user.name", "suser"),
    row("/process/uid", "process.real_user.id", "", ""),
    row("/process/ancestry/0/pid", "process.parent.pid", "evidence.process.parent_process.pid", ""),
    row("/process/ancestry/0/name", "process.parent.name", "evidence.process.parent_process.name", ""),
    row("/process/ancestry/0/exe", "process.parent.executable", "", ""),
    row(
        "/process/ancestry/0/cmdline",
        "process.parent.command_line",
        "evidence.process.parent_process.cmd_line",
        "",
    ),
    row("/container/id", "container.id", "evidence.container.uid", ""),
    row("/container/name", "container.name", "evidence.container.name", ""),
    row("/container/runtime", "container.runtime", "evidence.container.runtime", ""),
    row("/container/privileged", "container.security_context.privileged", "", ""),
    row("/container/pod/name", "orchestrator.resource.name", "", ""),
    row("/container/pod/uid", "orchestrator.resource.id", "evidence.container.pod_uuid", ""),
    row("/container/pod/namespace", "orchestrator.namespace", "", ""),
    row("/event/path", "", "evidence.file.path", "filePath"),
];
