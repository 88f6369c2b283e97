"""Random changes under load: nobody loses a connection, or a datagram, but by the going of a member.

`VIPOOL_EXAMPLES` chooses how many: 100 where it is `few`, 5,000 where it is `fuzz`, 300 else. Each run but the fuzzing
one makes the same changes.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.net import balanced, churn, crowd
from vipool.providers import fake
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel

ROOT = Path(__file__).parents[2]
CHOSEN = os.environ.get("VIPOOL_EXAMPLES", "")
CHANGES = {"few": 100, "fuzz": 5000}.get(CHOSEN, 300)
MANY = 6
"""Long connections, or flows, to each listener by each family."""


@contextlib.contextmanager
def process(namespace: str, role: str, given: Any) -> Iterator[subprocess.Popen[str]]:
    """A crowd in a namespace, begun; it ends when its input is closed."""
    words = ["ip", "netns", "exec", namespace, sys.executable, "-m", "tests.net.crowd", role, json.dumps(given)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as made:
        assert made.stdout
        assert made.stdout.readline() == "ready\n"
        yield made
        made.communicate()


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, {"amphora": kernel.Engine(carried.WHOLE, fake.Checker())})
    yield made
    made.close()


def run(picture: balanced.Balanced, seed: int, changes: int) -> tuple[churn.Record, dict[str, Any]]:
    """Make so many changes while clients ask; which states there were, and what the clients saw."""
    wanted, record, random = churn.begin(), churn.Record(), churn.Changes(seed)
    targets = [(kind, vip, port) for kind in churn.KINDS for vip in VIPS for port in churn.PORTS]
    with contextlib.ExitStack() as stack:
        for name, addresses in churn.ENDS.items():
            places = [(address, port) for address in addresses for port in churn.BACK_PORTS]
            stack.enter_context(process(name, "servers", places))
        put(picture, record, wanted, "all begins")
        clients = stack.enter_context(process("client", "clients", {"targets": targets, "many": MANY}))
        for _ in range(changes):
            wanted, word = random.next(wanted)
            put(picture, record, wanted, word)
        told, _ = clients.communicate()
    return record, json.loads(told)


VIPS = (balanced.FLOATING, balanced.VIP6)


def put(picture: balanced.Balanced, record: churn.Record, wanted: Any, word: str) -> None:
    began = time.monotonic()
    picture.put(wanted)
    record.states.append(churn.State(began=began, ended=time.monotonic(), word=word, owed=churn.owed(wanted)))


def test_changes_at_random_take_nothing_from_clients_but_what_went_with_its_member(picture):
    seed = secrets.randbits(32) if CHOSEN == "fuzz" else 1
    record, told = run(picture, seed, CHANGES)
    events = [crowd.Event(**each) for each in told["events"]]
    lost = [each for each in events if record.unowed(each)]
    strange = [each for each in told["answered"] if record.strange(each[0], each[2], *each[3:])]
    why = [f"seed {seed}: {each}; before that {record.last(each.ended)}" for each in lost[:5]]
    why += [f"seed {seed}: nobody there could have answered: {each}; {record.last(each[5])}" for each in strange[:5]]
    spent = record.states[-1].ended - record.states[0].began
    print(
        f"seed {seed}: {len(record.states)} states in {spent:.1f} s, {told['good']}, "
        f"{len(events)} events, {len(lost)} unowed, {len(strange)} strange"
    )
    assert not why, "\n".join(why)
    # A test of what stays must have had something that stayed, and of what goes something that went.
    assert told["good"].keys() == {"long", "short", "datagrams"}
    assert {each.kind for each in events} == {"TCP", "UDP"}
