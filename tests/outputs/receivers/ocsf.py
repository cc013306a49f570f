"""Holds alerts against OCSF's schema: `ocsf.py FILE`, one alert a line. Prints how many there were.

The schema is ocsf-json-schema's copy of the published one, the validator is jsonschema.
"""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

alerts = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.4.0"))
schema = schemas.get_class_schema(class_name="detection_finding", profiles=["host", "container"])
validator = Draft202012Validator(schema)
for alert in alerts:
    for error in validator.iter_errors(alert):
        sys.exit(f"{error.json_path}: {error.message}")
print(len(alerts))
