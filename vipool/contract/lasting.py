"""What is asked of an engine when things end by themselves: agents, processes, at last the load balancer."""

from pathlib import Path

import pytest

from vipool.contract import admission, pictures, serving, stage, subject
from vipool.model import tree


class Lasting:
    """Tests of what comes after a death."""

    subject: subject.Subject

    def carried(self, wanted: tree.Tree) -> tree.Tree:
        """The tree, if the subject carries it; else the test is skipped."""
        return admission.carried(self.subject, wanted)

    @serving.speeches
    def test_an_agent_that_starts_again_finds_all_as_it_should_be(self, stage: stage.Stage, speech: str) -> None:
        serving.needs_packets(self.subject)
        stage.put(self.carried(pictures.three(speech)))
        before = {each.pid for each in stage.processes()}
        with stage.client(speech) as client:
            assert client.ask() in serving.EVERYBODY
            stage.restart()
            assert stage.again() == ()
            assert client.ask() in serving.EVERYBODY
        assert {each.pid for each in stage.processes()} == before
        assert stage.watch() == ""
        assert stage.seen().frontends == {pictures.LISTENER: "open"}

    @serving.speeches
    def test_a_death_is_noticed_and_made_good(self, stage: stage.Stage, speech: str) -> None:
        stage.put(self.carried(pictures.three(speech)))
        assert stage.watch() == ""
        if not stage.kill():
            pytest.skip(f"no process of {self.subject.name} carries this")
        assert stage.watch(), "it says why"
        assert stage.observe() is None
        assert stage.again()
        assert stage.watch() == ""
        assert stage.seen().frontends == {pictures.LISTENER: "open"}
        if self.subject.packets:
            assert stage.answers(speech).keys() == serving.EVERYBODY

    @serving.speeches
    def test_a_death_nobody_saw_is_made_good_by_the_next_agent(self, stage: stage.Stage, speech: str) -> None:
        serving.needs_packets(self.subject)
        stage.put(self.carried(pictures.three(speech)))
        counted = stage.answers(speech, 5).total()
        total = stage.settle(lambda: stage.seen().counters[pictures.LISTENER].total_connections)
        stage.kill()
        stage.restart()
        stage.again()
        assert stage.again() == ()
        assert stage.answers(speech).keys() == serving.EVERYBODY
        assert counted == 5
        assert stage.seen().counters[pictures.LISTENER].total_connections >= total

    @serving.speeches
    def test_what_is_removed_leaves_no_trace(self, stage: stage.Stage, speech: str) -> None:
        stage.put(self.carried(pictures.three(speech)))
        place = Path(stage.place.directory)
        for _ in range(2):
            stage.engine.remove(stage.place)
            assert stage.processes() == ()
            assert sorted(place.glob("**/*")) == []
            assert stage.watch() == "", "nothing is missed of what was removed"
        stage.again()
        assert stage.seen().frontends == {pictures.LISTENER: "open"}, "and it can be made again"
        stage.remove()
        stage.remove()
        assert not place.exists()

    def test_what_was_never_made_can_be_removed(self, stage: stage.Stage) -> None:
        stage.engine.remove(stage.place)
        assert stage.watch() == ""
        stage.remove()
