#!/usr/bin/env python3
"""A Python worker: one process for many jobs, a line of JSON each way. Standard library only.

    zmws worker --service-name WORDS --mode lines -- python3 examples/worker.py
    zmws call WORDS text='three little words'            prints ["three", "little", "words"]
    zmws call --stream WORDS text='one two' each=1       prints each word as it comes

In:  {"job": "00C0-FFEE", "service": "WORDS", "param": {"text": "..."}}
Out: {"partial": ...} as often as you like, then {"result": ...} or {"error": "text"}.
"""

import json
import sys


def say(**what):
    # Without the flush the broker would wait until a buffer is full.
    print(json.dumps(what), flush=True)


def work(job):
    words = job["param"]["text"].split()
    if "each" in job["param"]:
        for word in words:
            say(partial=word)
        return None
    return words


for line in sys.stdin:
    job = json.loads(line)
    try:
        say(result=work(job))
    except Exception as error:  # the job failed; the next one may do better
        print(f"job failed: {error!r}", file=sys.stderr, flush=True)
        say(error=repr(error))
