"""A receiver of OTLP logs over gRPC with TLS: `otlp_grpc.py PORT TOKEN FILE CERT KEY CA`.

Google's gRPC and OpenTelemetry's own messages, from PyPI. Asks for a client certificate of CA and for TOKEN, rejects the
record numbered 13, and writes each other record to FILE.
"""

import json
import sys
from concurrent import futures

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

PORT, TOKEN, FILE, CERT, KEY, CA = sys.argv[1:]


def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


class Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def Export(self, request, context):
        metadata = dict(context.invocation_metadata())
        if metadata.get("authorization") != f"Bearer {TOKEN}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        assert metadata["x-tenant"] == "blue", metadata
        answer = logs_service_pb2.ExportLogsServiceResponse()
        taken = []
        for resource in request.resource_logs:
            about = {attribute.key: value(attribute.value) for attribute in resource.resource.attributes}
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    alert = json.loads(record.body.string_value)
                    attributes = {attribute.key: value(attribute.value) for attribute in record.attributes}
                    assert attributes["log.record.uid"] == alert["uuid"] and record.time_unix_nano > 0, record
                    taken.append({"service": about["service.name"], "severity": record.severity_number, **alert})
        wrong = [alert for alert in taken if alert["output_fields"].get("exec.seen") == 13]
        if wrong:
            answer.partial_success.rejected_log_records = len(wrong)
            answer.partial_success.error_message = "an unlucky number"
            # All or nothing, so that each record is there once.
            return answer
        with open(FILE, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(alert) + "\n" for alert in taken)
        return answer


def read(path):
    with open(path, "rb") as file:
        return file.read()


server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Logs(), server)
credentials = grpc.ssl_server_credentials([(read(KEY), read(CERT))], read(CA), require_client_auth=True)
assert server.add_secure_port(f"localhost:{PORT}", credentials) == int(PORT)
server.start()
server.wait_for_termination()
