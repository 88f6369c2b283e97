"""The list of passes only grows, and holds all that the installed clients offer; what it lacks has a reason."""

import fnmatch
import subprocess
from pathlib import Path

import pytest

from tests import house
from tests.compat import ansible, offered, passes

EXCUSES = Path(__file__).with_name("excuses.txt")
CLIENTS = {"ansible": ansible.offered, "octaviaclient": offered.octaviaclient, "sdk": offered.sdk}
# How much is excused: these numbers may only fall.
EXCUSED = {"ansible": 0, "octaviaclient": 0, "sdk": 365}


def offers(client):
    """All that a client offers, if it is here."""
    if client == "ansible" and not ansible.INSTALLED:
        pytest.skip(ansible.MISSING)
    return CLIENTS[client]()


def passed(client):
    """What works, by any of the tests of a client."""
    lines = (line.split(" ", 1) for line in passes.FILE.read_text().splitlines())
    return {what for name, what in lines if name.split("-")[0] == client}


def excuses():
    """The patterns that are excused, by client, in the order of the list."""
    lines = (line for line in EXCUSES.read_text().splitlines() if line and not line.startswith("#"))
    heads = (line.partition(": ")[0].split(" ", 1) for line in lines)
    found: dict[str, list[str]] = {client: [] for client in CLIENTS}
    for client, pattern in heads:
        found[client].append(pattern)
    return found


@pytest.mark.parametrize("client", CLIENTS)
def test_whatever_a_client_offers_works_or_is_excused(client):
    missing = offers(client) - passed(client)
    unexcused = {each for each in missing if not any(fnmatch.fnmatchcase(each, one) for one in excuses()[client])}
    assert sorted(unexcused) == [], "walk these in a test, or fix vipool until they can be walked"
    assert len(missing) <= EXCUSED[client], "the number of what is excused may only fall"
    assert len(missing) == EXCUSED[client], "less is excused than before: write the new number down"


@pytest.mark.parametrize("client", CLIENTS)
def test_an_excuse_is_for_what_does_not_work(client):
    offered_here = offers(client)
    for pattern in excuses()[client]:
        meant = set(fnmatch.filter(offered_here, pattern))
        assert meant, f"no client offers {pattern}"
        assert not meant & passed(client), f"{pattern} excuses what works"


def test_every_excuse_has_a_reason():
    lines = [line for line in EXCUSES.read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not line.partition(": ")[2].endswith(".")] == []
    assert len(lines) == len(set(lines))


def test_no_pass_that_was_ever_listed_is_gone():
    name = str(passes.FILE.relative_to(house.ROOT))
    command = ["git", "-c", "safe.directory=*", "log", "--format=", "--unified=0", "-p", "--", name]
    if not (house.ROOT / ".git").exists():
        pytest.skip("there is no history to compare with")
    history = subprocess.run(command, cwd=house.ROOT, check=True, capture_output=True, text=True).stdout
    ever = {line[1:] for line in history.splitlines() if line.startswith("+") and not line.startswith("+++")}
    assert sorted(ever - set(passes.FILE.read_text().splitlines())) == []
