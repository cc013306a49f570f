// Holds alerts against the Elastic Common Schema as Elastic publishes it: `ecs.js FILE`, one alert a line. Prints how many
// there were.
//
// Every field must be one of the schema's, of its type, a list where the schema wants one and none elsewhere, and among its
// allowed values; what is ours is below `nightjar`.

const fs = require("fs");
const { EcsFlat } = require("@elastic/ecs/generated/ecs_flat.js");
const { version } = require("@elastic/ecs/package.json");

const text = (value) => typeof value === "string";
const whole = (value) => Number.isSafeInteger(value);
const TYPES = {
  keyword: text,
  constant_keyword: text,
  wildcard: text,
  match_only_text: text,
  ip: (value) => require("net").isIP(value) > 0,
  date: (value) => text(value) && !Number.isNaN(Date.parse(value)),
  long: whole,
  float: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
};

function check(name, value, line) {
  const wrong = (why) => {
    throw new Error(`line ${line}: ${name} = ${JSON.stringify(value)}: ${why}`);
  };
  const field = EcsFlat[name];
  if (field === undefined) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) wrong("no field of ECS");
    for (const [key, inner] of Object.entries(value)) check(`${name}.${key}`, inner, line);
    return;
  }
  if (TYPES[field.type] === undefined) wrong(`${field.type} is not looked at`);
  const list = field.normalize.includes("array");
  if (list !== Array.isArray(value)) wrong(list ? "not a list" : "a list");
  for (const one of list ? value : [value]) {
    if (!TYPES[field.type](one)) wrong(`not of type ${field.type}`);
    const allowed = (field.allowed_values ?? []).map((allowed) => allowed.name);
    if (allowed.length > 0 && !allowed.includes(one)) wrong(`not one of ${allowed}`);
  }
}

const alerts = fs.readFileSync(process.argv[2], "utf8").trimEnd().split("\n");
alerts.forEach((line, at) => {
  const alert = JSON.parse(line);
  if (alert.ecs.version !== version) throw new Error(`ecs.version ${alert.ecs.version}, not ${version}`);
  for (const name of Object.keys(EcsFlat).filter((name) => EcsFlat[name].required)) {
    if (!name.split(".").reduce((here, key) => here?.[key], alert)) throw new Error(`line ${at + 1}: no ${name}`);
  }
  for (const [name, value] of Object.entries(alert)) if (name !== "nightjar") check(name, value, at + 1);
});
console.log(alerts.length);
