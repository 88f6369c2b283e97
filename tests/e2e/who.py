"""Both ends of a connection, as programs: a server that says with which address it was called, a client that listens.

`python -m tests.e2e.who serve ADDRESS PORT`, or `ask ADDRESS PORT COUNT`, which prints what so many connections said.
"""

import json
import socket
import sys


def serve(address: str, port: str) -> None:
    """Tell callers who they are for ever."""
    with socket.create_server((address, int(port))) as server:
        while True:
            channel, peer = server.accept()
            with channel:
                channel.sendall(peer[0].encode())


def ask(address: str, port: str, count: str) -> None:
    """Call so many times."""
    found = []
    for _ in range(int(count)):
        try:
            with socket.create_connection((address, int(port)), timeout=2) as channel:
                found.append(channel.recv(64).decode())
        except OSError as error:
            found.append(type(error).__name__)
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    else:
        ask(*sys.argv[2:])
