"""What is asked of a provider's capabilities: an answer for each tree, with words where it is no, true where yes.

What is true is seen: the engine carries the tree.
"""

import os
import re
import sys

import pytest

from vipool.contract import cases, pictures, stage, subject
from vipool.core import offers
from vipool.host import processes
from vipool.model import spec, tree

# Trees that are tried on one stage, one after the other.
TOGETHER = 20
# Octavia's own sentences, which its clients know, name no object by its id.
_OCTAVIAS = re.compile(
    r"\w+ protocol listeners do not support L7 policies"
    r"|This provider doesn't support mixing IPv4 and IPv6 addresses for its VIP and members in \w+ load balancers\."
)
# What a module that only says what is possible may not bring along.
_HEAVY = ("vipool.host", "vipool.agent", "subprocess", "socket", "threading")
_FRONTENDS, _BACKENDS = frozenset({"open", "full", "closed"}), frozenset({"up", "down"})
_SERVERS = frozenset({"up", "down", "drain", "maint", "no_check"})


def refusal(about: subject.Subject, wanted: tree.Tree) -> str | None:
    """Why the subject does not carry the tree, or None."""
    return about.capabilities().refuse(wanted)


def carried(about: subject.Subject, wanted: tree.Tree) -> tree.Tree:
    """The tree; where the subject does not carry it, the test that asks is skipped with its words."""
    reason = refusal(about, wanted)
    if reason is not None:
        pytest.skip(f"{about.name} does not carry this: {reason}")
    return wanted


def _few_at_a_time() -> list[tuple[str, ...]]:
    """The names of the trees, some together: to make a stage takes longer than to carry a tree."""
    names = tuple(cases.CASES)
    return [names[first : first + TOGETHER] for first in range(0, len(names), TOGETHER)]


class Admission:
    """Tests of the capabilities, and of the engine by what they said."""

    subject: subject.Subject

    def test_it_says_what_it_is_and_what_may_be_chosen(self) -> None:
        found = self.subject.capabilities()
        assert found.name
        assert found.description.endswith(".")
        for key, offer in {**found.flavors, **found.zones}.items():
            assert key
            assert isinstance(offer, offers.Offer)
            assert offer.description

    def test_it_carries_something(self) -> None:
        reasons = [refusal(self.subject, pictures.three(speech)) for speech in pictures.SPOKEN]
        assert None in reasons, reasons

    def test_it_brings_nothing_heavy_to_the_server(self) -> None:
        module = type(self.subject.capabilities()).__module__
        script = f"import sys, {module}; print(*set({_HEAVY}) & set(sys.modules))"
        # The interpreter's own start may load some of these, whatever is asked of it.
        bare = processes.run([sys.executable, "-c", f"import sys; print(*set({_HEAVY}) & set(sys.modules))"])
        path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = processes.run([sys.executable, "-c", script], environment=path, seconds=60)
        assert (done.code, set(done.output.split()) - set(bare.output.split())) == (0, set()), done.complaint

    @pytest.mark.parametrize("names", _few_at_a_time(), ids=lambda names: names[0])
    def test_trees_are_refused_in_words_or_carried(self, stage: stage.Stage, names: tuple[str, ...]) -> None:
        for name in names:
            try:
                _refused_or_carried(self.subject, stage, cases.CASES[name])
            except BaseException as error:
                error.add_note(f"the tree: {name}")
                raise

    def test_what_is_going_is_not_held_against_the_rest(self) -> None:
        for name, wanted in cases.CASES.items():
            dying = wanted.having(
                {
                    field: tuple(row.having({"dying": True}) for row in getattr(wanted, field))
                    for field in tree.FIELDS.values()
                }
            )
            assert refusal(self.subject, dying) is None, name

    def test_the_same_rules_are_asked_for_each_time(self, stage: stage.Stage) -> None:
        for wanted in cases.CASES.values():
            if refusal(self.subject, wanted) is None:
                first = stage.engine.rules(stage.place, wanted)
                assert stage.engine.rules(stage.place, wanted) == first


def _refused_or_carried(about: subject.Subject, on: stage.Stage, wanted: tree.Tree) -> None:
    reason = refusal(about, wanted)
    assert refusal(about, wanted) == reason, "the same tree gets the same answer"
    if reason is not None:
        named = any(row.id in reason for row in wanted.rows()) or _OCTAVIAS.fullmatch(reason)
        assert named, f"names no object of the tree: {reason}"
        return
    on.put(wanted)
    _speaks(on.observe(), wanted)
    on.put(pictures.load({}))


def _speaks(seen: spec.Observation | None, wanted: tree.Tree) -> None:
    """See that an observation speaks of rows of the tree, in the words there are."""
    if seen is None:
        return
    ids = {field: {row.id for row in getattr(wanted, field)} for field in ("listeners", "pools", "members")}
    assert seen.frontends.keys() | seen.counters.keys() <= ids["listeners"]
    assert seen.backends.keys() <= ids["pools"]
    assert seen.servers.keys() | seen.members.keys() <= ids["members"]
    assert set(seen.frontends.values()) <= _FRONTENDS
    assert set(seen.backends.values()) <= _BACKENDS
    assert set(seen.servers.values()) <= _SERVERS
