"""What the Python peers share: flags, lines of JSON on standard output, sockets, frames of Majordomo.

The peers end by themselves, after --deadline seconds or when nobody reads what they print.
"""

import argparse
import json
import signal
import sys
import time

import zmq


def flags(**defaults):
    """Flags as --name=value, with the type of their defaults."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--deadline", type=int, default=60)
    parser.add_argument("--ping", type=int, default=0, help="ZMQ_HEARTBEAT_IVL in milliseconds")
    for name, default in defaults.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    parsed = parser.parse_args()
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("deadline"))
    signal.alarm(parsed.deadline)
    return parsed


def tell(**event):
    """One line for the test that watches us, with the time in seconds."""
    print(json.dumps({**event, "at": time.time()}), flush=True)


def latin1(frames):
    """Frames as text, each byte one character, long ones cut."""
    return [frame[:1000].decode("latin-1") for frame in frames]


def connected(kind, parsed, identity=b""):
    """A socket that connects to a port of this machine and does not outlive us."""
    socket = zmq.Context.instance().socket(kind)
    socket.linger = 0
    if identity:
        socket.identity = identity
    if parsed.ping:
        socket.heartbeat_ivl = parsed.ping
        socket.heartbeat_timeout = 2 * parsed.ping
    socket.connect(f"tcp://127.0.0.1:{parsed.port}")
    return socket


def receive(socket, seconds):
    """The frames of the next message; None if none comes in time."""
    return socket.recv_multipart() if socket.poll(int(seconds * 1000)) else None


def tagged(value):
    """A value as zmws sends it, which Majordomo carries as it is."""
    return b"PARAM-JSON: " + json.dumps(value).encode()


def untagged(frame):
    """The value behind the tag; None if there is none."""
    return json.loads(frame[12:]) if frame.startswith(b"PARAM-JSON: ") else None


def long_text(length):
    """A long text that does not read the same from both ends."""
    return ("abcdefghijklmnopqrstuvwxyz0123456789" * (length // 36 + 1))[:length]
