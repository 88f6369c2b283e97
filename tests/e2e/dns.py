"""Both ends of a conversation in datagrams, as programs: a server that answers with a name, a client that counts.

`python -m tests.e2e.dns serve NAME ADDRESS PORT`, or `ask ADDRESS PORT COUNT`, which prints who answered how often to
so many flows, `refused` and `nobody` among them.
"""

import collections
import json
import socket
import sys


def serve(name: str, address: str, port: str) -> None:
    """Answer for ever."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, int(port)))
        while True:
            said, peer = server.recvfrom(4096)
            if said:
                server.sendto(name.encode(), peer)


def ask(address: str, port: str, count: str) -> None:
    """Ask once from so many ports."""
    found: collections.Counter[str] = collections.Counter()
    for _ in range(int(count)):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(1)
            client.connect((address, int(port)))
            try:
                client.send(b"?")
                found[client.recv(4096).decode()] += 1
            except ConnectionRefusedError:
                found["refused"] += 1
            except TimeoutError:
                found["nobody"] += 1
    print(json.dumps(found))


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
