"""A strict stand-in for Splunk's HTTP Event Collector: `hec.py PORT TOKEN FILE`.

Answers as the collector does, takes nothing that its documentation does not allow, and writes each event to FILE.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, TOKEN, FILE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
KEYS = {"time", "host", "source", "sourcetype", "index", "event", "fields"}


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.headers.get("authorization") != f"Splunk {TOKEN}":
            return self.answer(403, "Invalid token", 4)
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
        with open(FILE, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)
        self.answer(200, "Success", 0)

    def answer(self, status, text, code):
        body = json.dumps({"text": text, "code": code}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Collector).serve_forever()
