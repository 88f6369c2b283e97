"""What is below load balancers as it was last read, so that a large tree is not read again for every small change.

Promises: never stale, however many processes write to the store. The row of a load balancer holds the edition of what
is below it, another text after every write there (`store.trees`): only who asks for the edition that is remembered gets
it. A write that was undone leaves an edition that nobody asks for. A load balancer itself is not remembered. Holds a
bounded number of rows; what was not asked for longest is forgotten first. Rests on writing transactions being alone
(`store.session`): what a writer read and did not write is still so when it commits.
"""

import threading

from vipool.model import loadbalancer, tree

# A row takes about a kilobyte.
MOST_ROWS = 30_000


class Memory:
    """The trees of one process; any thread may ask."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._trees: dict[str, tree.Tree] = {}  # who was asked for last is last
        self._rows = 0

    def recall(self, root: loadbalancer.LoadBalancer) -> tree.Tree | None:
        """The tree of a load balancer as its row was just read, or None where another edition or none is remembered."""
        with self._lock:
            found = self._trees.get(root.id)
            if found is None or not root.edition or found.loadbalancer.edition != root.edition:
                return None
            self._trees[root.id] = self._trees.pop(root.id)
        return found.replacing(root)

    def keep(self, whole: tree.Tree) -> None:
        """Remember a tree, as the store gave its rows in the transaction that gave the edition of its load balancer."""
        root, size = whole.loadbalancer, _size(whole)
        if not root.edition or size > self._most:
            return
        with self._lock:
            self._forget(root.id)
            self._trees[root.id] = whole
            self._rows += size
            while self._rows > self._most:
                self._forget(next(iter(self._trees)))

    def _forget(self, identifier: str) -> None:
        gone = self._trees.pop(identifier, None)
        if gone is not None:
            self._rows -= _size(gone)


def _size(whole: tree.Tree) -> int:
    """How many rows a tree has."""
    return 1 + sum(len(whole.children(cls)) for cls in tree.FIELDS)
