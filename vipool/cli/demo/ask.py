"""The demo's client: asks a URL's host again and again, and counts who answered.

Run as `python -m vipool.cli.demo.ask HOST PORT COUNT SECONDS`: COUNT requests, each over a new connection, spread over
SECONDS; prints one JSON object with the answers by server, the failures in words, and the slowest answer.
"""

import http.client
import json
import sys
import time

PATIENCE = 5.0


def once(host: str, port: int) -> str:
    """Who answered one request; raises OSError or http.client.HTTPException when nobody did."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"answered {answer.status} {answer.reason}")
        return answer.getheader("X-Served-By") or "somebody"
    finally:
        connection.close()


def ask(host: str, port: int, count: int, seconds: float) -> dict[str, object]:
    """Ask ``count`` times at an even pace."""
    answers: dict[str, int] = {}
    failures: list[str] = []
    slowest = 0.0
    began = time.monotonic()
    for turn in range(count):
        pause = began + seconds * turn / count - time.monotonic()
        if pause > 0:
            time.sleep(pause)  # the pace of the requests, not a wait for something
        sent = time.monotonic()
        try:
            who = once(host, port)
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"request {turn + 1}: {type(error).__name__} {error}")
        else:
            answers[who] = answers.get(who, 0) + 1
            slowest = max(slowest, time.monotonic() - sent)
    return {"answers": answers, "failures": failures, "slowest": slowest}


if __name__ == "__main__":
    print(json.dumps(ask(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
