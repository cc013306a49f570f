"""Scrapes metrics and parses them with Prometheus's own client: `metrics.py URL`. Prints numbers by name and labels."""

import json
import sys
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

with urlopen(sys.argv[1], timeout=10) as answer:
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4"), answer.headers
    text = answer.read().decode()
found = {}
for family in text_string_to_metric_families(text):
    assert family.type in ("counter", "gauge") and family.documentation, family
    assert family.samples, family.name
    for sample in family.samples:
        assert sample.name == family.name + ("_total" if family.type == "counter" else ""), sample
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
        name = sample.name + (f"{{{labels}}}" if labels else "")
        assert name not in found, f"{name} twice"
        found[name] = sample.value
print(json.dumps(found))
