"""A strict stand-in for Splunk's HTTP Event Collector: `hec.py PORT TOKEN FILE [ack]`.

Answers as the collector does, takes nothing that its documentation does not allow, and writes each event to FILE. With
`ack` the token has indexer acknowledgement: events are written once they are indexed, which is when they are asked for the
second time. The very first request is never indexed.
"""

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, TOKEN, FILE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ACK = sys.argv[4:] == ["ack"]
# Of each channel its requests: how often they were asked for, and their events.
channels = {}
# The request that gets lost.
lost = []
KEYS = {"time", "host", "source", "sourcetype", "index", "event", "fields"}


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.headers.get("authorization") != f"Splunk {TOKEN}":
            return self.answer(403, "Invalid token", 4)
        channel = self.headers.get("x-splunk-request-channel")
        if ACK and not channel:
            return self.answer(400, "Data channel is missing", 10)
        if ACK and uuid.UUID(channel).version != 4:
            return self.answer(400, "Invalid data channel", 11)
        if self.path == f"/services/collector/ack?channel={channel}":
            return self.say_acks(channel, json.loads(body)["acks"])
        if self.path != "/services/collector/event":
            return self.answer(404, "Not found", 404)
        decoder, at, events = json.JSONDecoder(), 0, []
        while at < len(body.rstrip()):
            try:
                event, at = decoder.raw_decode(body, at)
            except ValueError:
                return self.answer(400, "Invalid data format", 6)
            while at < len(body) and body[at].isspace():
                at += 1
            if not isinstance(event, dict) or not event.get("event"):
                return self.answer(400, "Event field is required", 12)
            if not set(event) <= KEYS or not isinstance(event.get("time"), (int, float)):
                return self.answer(400, "Invalid data format", 6)
            events.append(event)
        if not events:
            return self.answer(400, "No data", 5)
        if ACK:
            requests = channels.setdefault(channel, [])
            requests.append([0, events])
            if not lost:
                lost.append(requests[0])
            return self.answer(200, "Success", 0, {"ackId": len(requests) - 1})
        self.index(events)
        self.answer(200, "Success", 0)

    def index(self, events):
        with open(FILE, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)

    def say_acks(self, channel, ids):
        acks = {}
        for number in ids:
            request = channels[channel][number]
            request[0] += 1
            acks[str(number)] = request[0] == 2 and request is not lost[0]
            if acks[str(number)]:
                self.index(request[1])
        self.say(200, {"acks": acks})

    def answer(self, status, text, code, more={}):
        self.say(status, {"text": text, "code": code, **more})

    def say(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Collector).serve_forever()
