"""The far ends of a benchmark, inside the sandbox: a client that asks, and the one who does by hand what vipool does.

Run as `python -m benchmarks.inside`; reads one JSON list a line, calls the function of that name with the rest, and
answers with a line of JSON. Times are of CLOCK_MONOTONIC, which the sandbox shares with the host.
"""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import packets

PATIENCE = 20.0
UNMET = 30
"""So many connections that met others say that a member is gone: there are two, with turns."""
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"


def first_answer(address: str, port: int) -> float:
    """When the first request was answered with 200: one attempt after the other, each with 5 ms to connect."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with socket.socket() as attempt:
            attempt.settimeout(0.005)
            try:
                attempt.connect((address, port))
                attempt.settimeout(1.0)
                attempt.sendall(REQUEST)
                if attempt.recv(64).startswith(b"HTTP/1.1 200"):
                    return time.monotonic()
            except OSError:
                # Refused at once where the address is there already: leave the processor to those who work.
                time.sleep(0.0005)
    raise TimeoutError(f"{address}:{port} did not answer within {PATIENCE} s")


def turned(address: str, port: int, name: str, coming: bool) -> float:
    """When new connections first met a member of that name, or last met one that goes: one after the other."""
    end, last, others = time.monotonic() + PATIENCE, 0.0, 0
    while time.monotonic() < end:
        began = time.monotonic()
        connection = http.client.HTTPConnection(address, port, timeout=2)
        connection.request("GET", "/")
        met = connection.getresponse().getheader("X-Served-By") == name
        connection.close()
        if met and coming:
            return began
        last, others = (began, 0) if met else (last, others + 1)
        if not coming and last and others == UNMET:
            return last
    raise TimeoutError(f"{name} {'never answered' if coming else 'still answers'} at {address}:{port}")


def shell(script: str) -> str:
    """Run a shell script to its end."""
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{script}: {done.stderr}")
    return done.stdout


def memory() -> dict[str, float]:
    """What the haproxy processes of the sandbox have in memory (PSS, in kB), and how many there are."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if (directory / "comm").read_text().strip() == "haproxy":
                rollup = (directory / "smaps_rollup").read_text()
                found.append(next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return {"pss": float(sum(found)), "count": len(found)}


class Load:
    """Requests without end over one kept connection: when each began, and who answered."""

    def __init__(self, address: str, port: int, pause: float) -> None:
        self._where, self._pause = (address, port), pause
        self.answers: list[tuple[float, str]] = []
        self.failures: list[str] = []
        self._going = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(*self._where, timeout=5)
        while self._going:
            began = time.monotonic()
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                connection.close()
            else:
                if answer.status == http.HTTPStatus.OK:
                    self.answers.append((began, answer.getheader("X-Served-By") or ""))
                else:
                    self.failures.append(f"answered {answer.status}")
            time.sleep(self._pause)

    def stop(self) -> None:
        """No more requests."""
        self._going = False
        self._thread.join()


loads: list[Load] = []


def load_start(address: str, port: int, count: int, pause: float) -> None:
    """Start so many loads."""
    loads.extend(Load(address, port, pause) for _ in range(count))


def load_last(name: str, since: float) -> float:
    """When the last request since then began that `name` answered, or 0."""
    return max((began for load in loads for began, who in load.answers if who == name and began >= since), default=0.0)


def load_stop() -> dict[str, object]:
    """End all loads; how many requests were answered and what failed."""
    for load in loads:
        load.stop()
    told = {
        "answered": sum(len(load.answers) for load in loads),
        "failures": [each for load in loads for each in load.failures],
    }
    loads.clear()
    return told


CALLS = {
    call.__name__: call
    for call in (
        first_answer, turned, shell, memory, load_start, load_last, load_stop,
        packets.send, packets.swallow, packets.pour,
    )
}  # fmt: skip


def main(calls: Mapping[str, Callable[..., Any]]) -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = {"value": calls[name](*arguments)}
        except Exception as error:  # noqa: BLE001 - told to the one who asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(CALLS)
