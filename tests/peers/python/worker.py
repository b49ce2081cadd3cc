"""A strict Majordomo worker: RFC 7 (mdp01) or RFC 18 (mdp02).

It sends READY and heartbeats, and reconnects when the broker says DISCONNECT or is silent for three heartbeats, as
both RFCs want it.
"""

import time

import zmq

import speak

HEADER = {"mdp01": b"MDPW01", "mdp02": b"MDPW02"}
COMMANDS = {
    "mdp01": {"ready": b"\1", "request": b"\2", "final": b"\3", "heartbeat": b"\4", "disconnect": b"\5"},
    "mdp02": {"ready": b"\1", "request": b"\2", "partial": b"\3", "final": b"\4", "heartbeat": b"\5",
              "disconnect": b"\6"},
}


class Worker:
    def __init__(self, parsed):
        self.parsed = parsed
        self.commands = COMMANDS[parsed.dialect]
        self.connect()

    def connect(self):
        self.socket = speak.connected(zmq.DEALER, self.parsed)
        self.heard_at = time.monotonic()
        self.send("ready", self.parsed.service.encode())
        speak.tell(event="ready")

    def send(self, command, *frames):
        self.socket.send_multipart([b"", HEADER[self.parsed.dialect], self.commands[command], *frames])
        self.heartbeat_at = time.monotonic() + self.parsed.interval

    def run(self):
        while True:
            frames = speak.receive(self.socket, max(0.0, self.heartbeat_at - time.monotonic()))
            if frames is not None:
                self.heard_at = time.monotonic()
                self.take(frames)
            elif time.monotonic() > self.heard_at + 3 * self.parsed.interval:
                speak.tell(event="server died")
                self.socket.close()
                self.connect()
            if time.monotonic() >= self.heartbeat_at:
                self.send("heartbeat")

    def take(self, frames):
        if len(frames) < 3 or frames[:2] != [b"", HEADER[self.parsed.dialect]]:
            speak.tell(event="not an order", frames=speak.latin1(frames))
        elif frames[2] == self.commands["heartbeat"] and len(frames) == 3:
            pass
        elif frames[2] == self.commands["disconnect"] and len(frames) == 3:
            speak.tell(event="disconnected")
            self.socket.close()
            self.connect()
        elif frames[2] == self.commands["request"] and len(frames) >= 6 and frames[4] == b"":
            self.work(frames[3], frames[5:])
        else:
            speak.tell(event="not an order", frames=speak.latin1(frames))

    def work(self, address, body):
        speak.tell(event="job", param=body[0][:200].decode("latin-1"), length=len(body[0]), frames=len(body))
        param = speak.untagged(body[0])
        what = param.get("do", "reverse") if isinstance(param, dict) else "nothing"
        if what == "reverse" and len(body) == 1:
            answer = [speak.tagged(param["str"][::-1])]
        elif what == "reverse":
            answer = body[::-1]
        elif what == "stream":
            for part in range(param["parts"]):
                self.send("partial", address, b"", speak.tagged(f"part {part}"))
            answer = [speak.tagged("done")]
        elif what == "sleep":
            time.sleep(param["seconds"])
            answer = [speak.tagged(param["str"])]
        else:
            answer = [b""]
        self.send("final", address, b"", *answer)
        speak.tell(event="done")


Worker(speak.flags(dialect="mdp01", service="REVERSE", interval=1.0)).run()
