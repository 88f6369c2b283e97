"""The operator's questions to the running vipool, over the socket in its state directory.

Promises: what is refused, or not answered, raises with a sentence that says the way out.
"""

from __future__ import annotations

from typing import Any

import httpx

from vipool import settings
from vipool.host import errors
from vipool.model import faults

PATIENCE = 15.0


def client(chosen: settings.Settings) -> httpx.Client:
    """A client of the socket. Raises `errors.Missing` where nothing runs."""
    if not chosen.agent_socket.exists():
        raise errors.Missing(f"No vipool of {chosen.state_dir} is running: start it with `vipool up`.")
    transport = httpx.HTTPTransport(uds=str(chosen.agent_socket))
    return httpx.Client(transport=transport, base_url="http://vipool", timeout=PATIENCE)


def ask(client: httpx.Client, method: str, path: str, body: object = None) -> Any:
    """The answer to one request, None for an empty one. Raises `errors.Missing`, or `faults.Invalid` when refused."""
    try:
        answer = client.request(method, path, json=body)
    except httpx.TransportError as error:
        raise errors.Missing("vipool does not answer: start it with `vipool up`.") from error
    if answer.is_error:
        raise faults.Invalid(answer.json()["error"])
    return answer.json() if answer.content else None
