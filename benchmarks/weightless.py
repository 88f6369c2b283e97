"""A vipool whose load balancers weigh nothing: `python -m benchmarks.weightless STATE PORT` serves until it is ended.

The server is the real one. Its node says of everything at once that it is made so, and carries nothing: for stores that
hold more load balancers than one machine can carry.
"""

import contextlib
import sys
import threading
from pathlib import Path

from vipool import settings, wiring
from vipool.agent import link
from vipool.core import node
from vipool.host import files
from vipool.model import spec

PASSWORD = "benchmark"
WAIT = 25.0


def main(state: Path, port: int) -> int:
    """Serve; return the exit code."""
    chosen = settings.Settings(state_dir=state, listen=settings.Address(host="127.0.0.1", port=port), sandboxed=True)
    chosen.run_dir.mkdir(parents=True)
    files.write(chosen.admin_password_file, PASSWORD, mode=0o600)
    threading.Thread(target=agree, args=(chosen.agent_socket,), daemon=True).start()
    return wiring.serve(chosen)


def agree(socket: Path) -> None:
    """Be the node."""
    server, known = link.SocketLink(str(socket)), 0
    while True:
        with contextlib.suppress(link.Lost):  # it has not begun yet, or is ending
            desired = server.desired(known, WAIT)
            if desired is not None:
                server.report([made(item) for item in desired.items])
                known = desired.revision


def made(item: spec.Item) -> spec.Report:
    """The report that an item is made so, or gone."""
    kind, identifier = node.key(item)
    generation = item.tree.loadbalancer.generation if isinstance(item, spec.LoadBalancer) else 0
    return spec.Report(kind=kind, id=identifier, revision=item.revision, generation=generation, gone=item.absent)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
