"""What is asked of an engine when a tree changes: the change is there, and nobody else notices."""

import contextlib
import dataclasses

import pytest

from vipool.contract import admission, pictures, serving, stage, subject
from vipool.model import tree
from vipool.providers import base


def wider(speech: str) -> tree.Tree:
    """The picture of three with one listener more on the same pool."""
    return pictures.three(speech, listeners=[pictures.listener(speech), pictures.listener(speech, 2)])


class Changing:
    """Tests of one tree after another."""

    subject: subject.Subject

    def carried(self, wanted: tree.Tree) -> tree.Tree:
        """The tree, if the subject carries it; else the test is skipped."""
        return admission.carried(self.subject, wanted)

    @serving.speeches
    def test_a_change_is_said_and_the_same_tree_again_is_not(self, stage: stage.Stage, speech: str) -> None:
        whole = self.carried(pictures.three(speech))
        assert stage.put(whole)
        assert stage.put(whole) == ()
        assert stage.put(wider(speech))
        serving.needs_packets(self.subject)
        renamed = dataclasses.replace(whole.loadbalancer, name="another; name { }", description="\n")
        assert stage.put(wider(speech).replacing(renamed)) == (), "what changes no traffic changes nothing"

    @serving.speeches
    def test_a_member_that_goes_is_asked_no_more_and_one_that_comes_is(self, stage: stage.Stage, speech: str) -> None:
        serving.needs_packets(self.subject)
        whole = self.carried(pictures.three(speech))
        first, second, third = whole.members
        for rows in ((first, second), (second, third), (third,), (first, second, third)):
            stage.put(whole.having({"members": rows}))
            names = {pictures.NAMES[whole.members.index(row)] for row in rows}
            assert stage.answers(speech).keys() == names

    @serving.speeches
    def test_a_listener_that_comes_or_goes_disturbs_no_other(self, stage: stage.Stage, speech: str) -> None:
        serving.needs_packets(self.subject)
        whole = self.carried(pictures.three(speech))
        for wanted in (whole, wider(speech), whole):
            stage.put(wanted)
            assert stage.ask(speech) in serving.EVERYBODY
            answer = stage.ask(speech, 2)
            assert answer in serving.EVERYBODY if len(wanted.listeners) == 2 else answer == ""

    @pytest.mark.parametrize("speech", ["TCP", "UDP"])
    def test_a_connection_outlives_what_does_not_concern_it(self, stage: stage.Stage, speech: str) -> None:
        serving.needs_packets(self.subject)
        alone = self.carried(pictures.picture(speech, {}))
        stage.put(alone)
        with stage.client(speech) as client:
            assert client.ask() == "one"
            for wanted in (pictures.picture(speech, {}, {}), wider(speech), alone):
                stage.put(self.carried(wanted))
                answer = client.ask()
                # Each datagram may be a matter of its own.
                assert answer == "one" if speech == "TCP" else answer in serving.EVERYBODY

    @serving.speeches
    def test_what_was_counted_never_falls(self, stage: stage.Stage, speech: str) -> None:
        serving.needs_packets(self.subject)
        whole = self.carried(pictures.three(speech))
        before = 0
        for at, wanted in enumerate((whole, wider(speech), whole.having({"members": whole.members[:1]}), whole), 1):
            stage.put(wanted)
            assert stage.answers(speech, 5).keys() <= serving.EVERYBODY
            stage.settle(lambda least=5 * at: _total(stage) >= least)  # type: ignore[misc]
            seen = stage.seen().counters[pictures.LISTENER]
            assert seen.total_connections >= before
            assert min(seen.bytes_in, seen.bytes_out) > seen.total_connections
            before = seen.total_connections
        assert before == 20, "each client was counted once"

    @serving.speeches
    def test_a_change_that_cannot_be_made_leaves_what_was(self, stage: stage.Stage, speech: str) -> None:
        """The port of a new listener is somebody else's. Whether that is in the way is the provider's affair."""
        whole = self.carried(pictures.three(speech))
        stage.put(whole)
        with stage.obstacle(2):
            with contextlib.suppress(base.Broken, base.NotNow):
                stage.put(wider(speech))
            assert stage.seen().frontends[pictures.LISTENER] == "open"
            if self.subject.packets:
                assert stage.answers(speech).keys() == serving.EVERYBODY
        stage.put(wider(speech))
        assert stage.seen().frontends == dict.fromkeys((pictures.LISTENER, pictures.identifier("listener", 2)), "open")
        if self.subject.packets:
            assert stage.ask(speech, 2) in serving.EVERYBODY


def _total(stage: stage.Stage) -> int:
    """How many clients the listener has counted."""
    return stage.seen().counters[pictures.LISTENER].total_connections
