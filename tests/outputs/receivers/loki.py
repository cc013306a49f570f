"""A strict stand-in for Loki's push endpoint: `loki.py PORT FILE`.

Takes the JSON form as Loki documents it, refuses what Loki refuses, drops lines that are the same in labels, time and text,
and writes each line with its labels to FILE.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, FILE = int(sys.argv[1]), sys.argv[2]
seen = set()


def entries(push):
    if set(push) != {"streams"} or not push["streams"]:
        raise ValueError("streams")
    for stream in push["streams"]:
        labels, values = stream["stream"], stream["values"]
        if set(stream) != {"stream", "values"} or not labels or len(labels) > 15:
            raise ValueError("labels")
        for name, value in labels.items():
            if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) or not isinstance(value, str):
                raise ValueError(f"label {name}")
        for time, line in values:
            if not re.fullmatch("[0-9]{19}", time) or not isinstance(line, str):
                raise ValueError("value")
            yield {"labels": labels, "time": time, "line": line}


class Loki(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/loki/api/v1/push":
            return self.answer(404, "404 page not found")
        if self.headers.get("x-scope-orgid") != "tenant":
            return self.answer(401, "no org id")
        try:
            lines = [json.dumps(entry, sort_keys=True) for entry in entries(json.loads(body))]
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(400, str(error))
        with open(FILE, "a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines if line not in seen)
        seen.update(lines)
        self.answer(204, "")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Loki).serve_forever()
