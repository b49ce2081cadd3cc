"""A strict Majordomo client: RFC 7 (mdp01) or RFC 18 (mdp02), on a REQ or a DEALER with an empty delimiter.

Plays the --cases one after the other and prints each message that comes: the frames as they are, long ones cut.
"""

import sys

import zmq

import speak

HEADER = {"mdp01": [b"MDPC01"], "mdp02": [b"MDPC02", b"\1"]}
BIG = 2 << 20


class Client:
    def __init__(self, parsed):
        self.parsed = parsed
        kind = {"req": zmq.REQ, "dealer": zmq.DEALER}[parsed.socket]
        self.socket = speak.connected(kind, parsed)

    def play(self, case):
        if case == "reverse":
            texts = ["one", "two, and more", r'{"three": "\u00e9"}']
            self.ask(case, [[speak.tagged({"str": text})] for text in texts])
        elif case == "big":
            self.send([speak.tagged({"str": speak.long_text(BIG)})])
            self.take(case, lambda value: value == speak.long_text(BIG)[::-1])
        elif case == "nothing":
            self.ask(case, [[b""]])
        elif case == "fail":
            self.ask(case, [[speak.tagged({"do": "fail"})]])
        elif case == "stream":
            self.send([speak.tagged({"do": "stream", "parts": 3})])
            for _ in range(self.parsed.messages):
                self.take(case)
        elif case == "frames":
            self.ask(case, [[speak.tagged({"str": "x"}), b"\0\xff", b""]])
        elif case == "mmi":
            self.ask(case, [[self.parsed.service.encode()], [b"NOBODY"]], service=b"mmi.service")
        else:
            sys.exit(f"unknown case: {case}")

    def ask(self, case, bodies, service=None):
        """A REQ asks one after the other; a DEALER asks all at once, and is answered in order by one worker."""
        for body in bodies:
            self.send(body, service)
            if self.parsed.socket == "req":
                self.take(case)
        if self.parsed.socket == "dealer":
            for _ in bodies:
                self.take(case)

    def send(self, body, service=None):
        delimiter = [b""] if self.parsed.socket == "dealer" else []
        service = service or self.parsed.service.encode()
        self.socket.send_multipart([*delimiter, *HEADER[self.parsed.dialect], service, *body])

    def take(self, case, check=None):
        frames = speak.receive(self.socket, 10)
        if frames is None:
            speak.tell(event="nothing came", case=case)
            sys.exit(1)
        seen = {"right": check(speak.untagged(frames[-1])), "length": len(frames[-1])} if check else {}
        speak.tell(event="message", case=case, frames=speak.latin1(frames), **seen)


parsed = speak.flags(dialect="mdp01", socket="dealer", service="REVERSE", cases="reverse", messages=4)
client = Client(parsed)
for case in parsed.cases.split(","):
    client.play(case)
speak.tell(event="end")
