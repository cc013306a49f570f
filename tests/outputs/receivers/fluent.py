"""A strict stand-in for a Fluent forward receiver, with msgpack from PyPI: `fluent.py PORT SHARED_KEY FILE`.

Follows the protocol's version 1: HELO, PING and PONG with the shared key, the message in forward mode, times as extension
type 0, and an acknowledgement of each chunk. Writes each record to FILE.
"""

import hashlib
import json
import os
import socketserver
import struct
import sys

import msgpack

PORT, SHARED_KEY, FILE = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def digest(*parts):
    return hashlib.sha512(b"".join(parts)).hexdigest()


class Forward(socketserver.BaseRequestHandler):
    def handle(self):
        nonce, key = os.urandom(16), SHARED_KEY.encode()
        self.unpacker = msgpack.Unpacker(raw=False)
        self.send(["HELO", {"nonce": nonce, "auth": b"", "keepalive": True}])
        word, host, salt, proof, user, password = self.receive()
        known = proof == digest(salt, host.encode(), nonce, key)
        assert word == "PING" and user == "" and password == ""
        self.send(["PONG", known, "" if known else "shared key mismatch", "receiver", digest(salt, b"receiver", nonce, key)])
        while known:
            tag, entries, options = self.receive()
            assert tag == "nightjar.alert" and options["size"] == len(entries), tag
            with open(FILE, "a", encoding="utf-8") as file:
                for time, record in entries:
                    assert time.code == 0 and len(time.data) == 8, time
                    seconds, rest = struct.unpack(">II", time.data)
                    assert rest < 1_000_000_000
                    record["received_time"] = seconds * 1_000_000_000 + rest
                    file.write(json.dumps(record) + "\n")
            self.send({"ack": options["chunk"]})

    def send(self, value):
        self.request.sendall(msgpack.packb(value, use_bin_type=True))

    def receive(self):
        while True:
            for value in self.unpacker:
                return value
            more = self.request.recv(65536)
            if not more:
                sys.exit()
            self.unpacker.feed(more)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", PORT), Forward).serve_forever()
