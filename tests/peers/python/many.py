"""A client that has many texts reversed, several at once over a DEALER, each text its own, coded as JSON and as PHP in
turns. Prints how many answers were right, how many were failures, and each one that was wrong.

It speaks zmws 2 with the request's number as return envelope, by which it tells the answers apart. It asks --jobs times,
or until --seconds are over.
"""

import time

import zmq

import speak

AT_ONCE = 8


def php(text):
    data = text.encode()
    return b'PARAM-PHP: a:1:{s:3:"str";s:%d:"%s";}' % (len(data), data)


parsed = speak.flags(service="REVERSE", jobs=0, seconds=0.0)
socket = speak.connected(zmq.DEALER, parsed)
count = {"asked": 0, "right": 0, "failed": 0, "wrong": 0, "lost": 0}
waiting = {}
end = time.time() + parsed.seconds
while True:
    while len(waiting) < AT_ONCE and (count["asked"] < parsed.jobs or time.time() < end):
        number = count["asked"]
        text = f"python {number}."
        param = speak.tagged({"str": text}) if number % 2 == 0 else php(text)
        tag = b"%d" % number
        socket.send_multipart([tag, b"", b"MDPC02", b"1", param, b"SYNC-" + parsed.service.encode()])
        waiting[tag] = text
        count["asked"] += 1
    if not waiting:
        break
    frames = speak.receive(socket, 30)
    if frames is None:
        count["lost"] = len(waiting)
        break
    text = waiting.pop(frames[0], None)
    verb = frames[5] if len(frames) > 5 else b""
    if text is not None and verb.startswith(b"FAIL: "):
        count["failed"] += 1
    elif text is not None and verb.startswith(b"COMPLETE: ") and speak.untagged(frames[6]) == text[::-1]:
        count["right"] += 1
    else:
        count["wrong"] += 1
        speak.tell(event="wrong", text=text, frames=speak.latin1(frames))
speak.tell(event="end", **count)
