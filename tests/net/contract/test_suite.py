"""The suite notices a provider that breaks the contract: each of these breaks it in one place."""

import dataclasses
import itertools

import pytest

from tests.net.contract import paper
from vipool.contract import subject, suite
from vipool.providers import fake


class Talkative(fake.Engine):
    """Says that it did something when it did nothing."""

    def converge(self, *given, **more):
        return super().converge(*given, **more) or "looked"


class Deaf(fake.Engine):
    """Does not notice a death."""

    def watch(self, places):
        return {}


class Nervous(fake.Engine):
    """Misses what was removed."""

    def remove(self, place):
        super().remove(place)
        self.killed.add(place.directory)


class Inventive(fake.Engine):
    """Has words of its own for states."""

    def observe(self, place, wanted):
        seen = super().observe(place, wanted)
        return seen and dataclasses.replace(seen, servers=dict.fromkeys(seen.servers, "fine"))


class Hasty(fake.Engine):
    """Forgets what served when a change cannot be made."""

    def converge(self, place, wanted, *more):
        if self.troubles:
            self.carried.pop(place.directory, None)
        return super().converge(place, wanted, *more)


class Blunt(fake.Capabilities):
    """Refuses without saying what."""

    def refuse(self, wanted):
        return "No." if wanted.healthmonitors else None


class Moody(fake.Capabilities):
    """Refuses every other time."""

    moods = itertools.cycle((None, "listener 1 no"))

    def refuse(self, wanted):
        return next(self.moods)


class Grudging(fake.Capabilities):
    """Looks at what is going."""

    def refuse(self, wanted):
        return next((f"{row.id}: no" for row in wanted.l7policies), None)


class Idle(fake.Capabilities):
    """Refuses everything."""

    def refuse(self, wanted):
        return f"{wanted.loadbalancer.id}: no"


MONITORED = "checks by TCP"


@pytest.mark.parametrize(
    ("part", "test", "more"),
    [
        (Talkative, "test_a_change_is_said_and_the_same_tree_again_is_not", {"speech": "TCP"}),
        (Talkative, "test_trees_are_refused_in_words_or_carried", {"names": ("TCP to TCP",)}),
        (Deaf, "test_a_death_is_noticed_and_made_good", {"speech": "TCP"}),
        (Nervous, "test_what_is_removed_leaves_no_trace", {"speech": "TCP"}),
        (Inventive, "test_trees_are_refused_in_words_or_carried", {"names": ("TCP to TCP",)}),
        (Inventive, "test_it_is_said_which_listeners_pools_and_members_serve", {"speech": "TCP"}),
        (Hasty, "test_a_change_that_cannot_be_made_leaves_what_was", {"speech": "TCP"}),
        (Blunt, "test_trees_are_refused_in_words_or_carried", {"names": (MONITORED,)}),
        (Moody, "test_trees_are_refused_in_words_or_carried", {"names": (MONITORED,)}),
        (Grudging, "test_what_is_going_is_not_held_against_the_rest", None),
        (Idle, "test_it_carries_something", None),
    ],
)
def test_a_breach_is_found(tmp_path, part, test, more):
    halves = {"capabilities": fake.Capabilities, "engine": fake.Engine}
    halves |= {"engine" if issubclass(part, fake.Engine) else "capabilities": part}
    about = subject.Subject(name="fake", packets=False, **halves)
    asked = suite.Suite()
    asked.subject = about
    stage = paper.OnPaper(about, tmp_path)
    given = {} if more is None else {"stage": stage, **more}
    with pytest.raises(AssertionError):
        getattr(asked, test)(**given)
