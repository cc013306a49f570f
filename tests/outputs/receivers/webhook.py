"""A webhook receiver that checks what it is sent with the standard library: `webhook.py PORT SECRET FILE CERT KEY CA`.

Asks for a client certificate of CA, checks the signature, and writes each alert to FILE.
"""

import hashlib
import hmac
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SECRET, FILE, CERT, KEY, CA = sys.argv[1:]


class Webhook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self.headers["x-nightjar-signature"]):
            return self.answer(401)
        alerts = json.loads(body)
        if self.headers["idempotency-key"] != alerts[-1]["uuid"]:
            return self.answer(400)
        # One that it will never take.
        if any(alert["output_fields"].get("exec.seen") == 13 for alert in alerts):
            return self.answer(422)
        with open(FILE, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(alert) + "\n" for alert in alerts)
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(PORT)), Webhook)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=CA)
context.verify_mode = ssl.CERT_REQUIRED
context.load_cert_chain(CERT, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
