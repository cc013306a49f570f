"""A receiver of webhooks that keeps what it gets: `bodies.py PORT FILE`. Writes path, type and parsed body of each request."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, FILE = int(sys.argv[1]), sys.argv[2]


class Bodies(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with open(FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps({"path": self.path, "type": self.headers["content-type"], "body": body}) + "\n")
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Bodies).serve_forever()
