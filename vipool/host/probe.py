"""One request over TCP or UDP, sent from inside a network namespace and timed.

Promises: never raises for what the network does: that is the reply's `fault`, in words; never takes longer than the
timeout it was given by much. Understands just enough HTTP to know when to stop reading (RFC 9112 section 6).
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from dataclasses import dataclass

from vipool.host import errors, namespaces

_MOST = 1 << 20
"""Bytes read of an answer at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to send, and from which namespace (a name or path; None is the one this process is in).

    `seconds` bounds the connection and the whole answer together. A `datagram` is sent once, and one is the answer.
    """

    namespace: str | None
    address: str
    port: int
    payload: bytes
    seconds: float
    datagram: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of it. `port` is the client's own, 0 without a socket; `seconds` until the answer was complete."""

    port: int = 0
    answer: bytes = b""
    seconds: float = 0.0
    fault: str = ""

    @property
    def answered(self) -> bool:
        """Whether something came back; of a connection that may be less than all."""
        return bool(self.answer) or not self.fault


class Probe:
    """A question under way on a thread of its own. `fileno()` becomes readable when it is over."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._reply = Reply(fault="not asked")
        self._readable, self._done = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """The descriptor that becomes readable when the reply is there."""
        return self._readable

    def reply(self) -> Reply:
        """The reply; waits for it."""
        self._thread.join()
        os.close(self._readable)
        return self._reply

    def _run(self) -> None:
        try:
            self._reply = _asked(self._question)
        finally:
            os.close(self._done)


def _asked(question: Question) -> Reply:
    family = socket.AF_INET6 if ipaddress.ip_address(question.address).version == 6 else socket.AF_INET

    kind = socket.SOCK_DGRAM if question.datagram else socket.SOCK_STREAM

    def made() -> socket.socket:
        return socket.socket(family, kind | socket.SOCK_CLOEXEC)

    try:
        # A socket belongs to the namespace it was made in, whichever thread then uses it.
        client = namespaces.call(question.namespace, made) if question.namespace else made()
    except (errors.HostError, OSError) as error:
        return Reply(fault=str(error))
    with client:
        return _exchanged(client, question)


def _exchanged(client: socket.socket, question: Question) -> Reply:
    started = time.monotonic()
    deadline = started + question.seconds
    answer, port, fault = b"", 0, ""
    try:
        client.bind(("", 0))  # so that the port is known even when nothing answers
        port = client.getsockname()[1]
        client.settimeout(question.seconds)
        client.connect((question.address, question.port))
        client.sendall(question.payload)
        if question.datagram:
            answer = client.recv(65536)
            return Reply(port=port, answer=answer, seconds=time.monotonic() - started)
        while not _complete(answer) and len(answer) < _MOST:
            client.settimeout(max(deadline - time.monotonic(), 0.001))
            more = client.recv(65536)
            if not more:
                break
            answer += more
    except TimeoutError:
        fault = f"no answer within {question.seconds:g} s"
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    if not answer and not fault:
        fault = "the connection was closed without an answer"
    return Reply(port=port, answer=answer, seconds=time.monotonic() - started, fault=fault)


def _complete(answer: bytes) -> bool:
    """Whether the answer is all there, as far as that can be told before the connection closes."""
    if not answer:
        return False
    if not answer.startswith(b"HTTP/"):
        return len(answer) >= 5  # some other protocol: whoever speaks it would speak next
    head, gap, body = answer.partition(b"\r\n\r\n")
    if not gap:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
        if name == b"transfer-encoding" and b"chunked" in value:
            return body.endswith(b"0\r\n\r\n")
    return False
