"""Reads a topic with librdkafka: `kafka.py BROKER TOPIC PARTITIONS COUNT`. `kafka.py create BROKER TOPIC PARTITIONS` makes it.

Prints how many records there are, how many keys, how many partitions have some, and whether each has its key in its value.
"""

import json
import sys

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

if sys.argv[1] == "create":
    broker, topic, partitions = sys.argv[2], sys.argv[3], int(sys.argv[4])
    admin = AdminClient({"bootstrap.servers": broker})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)
    sys.exit()

broker, topic, partitions, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
consumer = Consumer({"bootstrap.servers": broker, "group.id": "test", "enable.auto.commit": False})
consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
found = []
while len(found) < count:
    message = consumer.poll(10)
    if message is None:
        break
    if message.error() is None:
        found.append(message)
keys = {message.key() for message in found}
whole = all(json.loads(message.value())["uuid"] == message.key().decode() for message in found)
print(len(found), len(keys), len({message.partition() for message in found}), whole)
