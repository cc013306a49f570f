// A Fluent forward receiver with TLS, by the server of Fluent's own logger for Node.js:
// `fluent.js PORT SHARED_KEY FILE CERT KEY CA`.
//
// It checks the shared key, decodes every mode and acknowledges chunks; it asks for a client certificate of CA. Writes each
// record, with the time that it came with, to FILE.

const fs = require("fs");
const { EventTime, FluentServer } = require("@fluent-org/logger");

const [port, sharedKey, file, cert, key, ca] = process.argv.slice(2);

class Records extends FluentServer {
  onEntry(tag, time, record) {
    if (tag !== "nightjar.alert" || !(time instanceof EventTime)) {
      throw new Error(`${tag} at ${time}`);
    }
    const received = `${time.epoch}.${String(time.nano).padStart(9, "0")}`;
    fs.appendFileSync(file, JSON.stringify({ received_time: received, ...record }) + "\n");
  }
}

const server = new Records({
  keepalive: true,
  listenOptions: { port: Number(port), host: "localhost" },
  security: { serverHostname: "receiver", sharedKey, authorize: false, userDict: {} },
  tlsOptions: {
    cert: fs.readFileSync(cert),
    key: fs.readFileSync(key),
    ca: fs.readFileSync(ca),
    requestCert: true,
    rejectUnauthorized: true,
  },
});
server.listen();
