"""A publisher on a port that it tells.

As XPUB it waits for the subscription to each of --topics, and then publishes once; as PUB, which is not told of
subscriptions, it publishes again and again. To each topic goes a message that nobody wanted, and one that they did.
"""

import sys
import time

import zmq

import speak

parsed = speak.flags(socket="pub", topics="")
topics = parsed.topics.encode().split(b",")
kind = zmq.XPUB if parsed.socket == "xpub" else zmq.PUB
socket = zmq.Context.instance().socket(kind)
socket.linger = 1000
if parsed.ping:
    socket.heartbeat_ivl = parsed.ping
    socket.heartbeat_timeout = 2 * parsed.ping
port = socket.bind_to_random_port("tcp://127.0.0.1")
speak.tell(event="bound", port=port)


def publish():
    """Two messages a topic."""
    for topic in topics:
        socket.send_multipart([b"un" + topic, b"unwanted"])
        socket.send_multipart([topic + b"-and-more", b"wanted"])


if kind == zmq.XPUB:
    missing = set(topics)
    while missing:
        frames = speak.receive(socket, 30)
        if frames is None:
            sys.exit(f"nobody subscribes to {missing}")
        speak.tell(event="subscription", frames=speak.latin1(frames))
        missing.discard(frames[0][1:])
    publish()
while True:
    if kind == zmq.PUB:
        publish()
    time.sleep(0.02)
