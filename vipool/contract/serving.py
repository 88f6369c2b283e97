"""What is asked of an engine that carries a tree: who is served, by whom, and what is said of it."""

import dataclasses

import pytest

from vipool.contract import admission, cases, pictures, stage, subject
from vipool.model import tree

SPEECHES = ("TCP", "HTTP", "UDP")
EVERYBODY = set(pictures.NAMES)
ONE, TWO, THREE = (pictures.identifier("member", at) for at in (1, 2, 3))
LISTENER, POOL = pictures.LISTENER, pictures.POOL

speeches = pytest.mark.parametrize("speech", SPEECHES)


def needs_packets(about: subject.Subject) -> None:
    """Skip a test of traffic for what carries none."""
    if not about.packets:
        pytest.skip(f"{about.name} carries no traffic")


def changed(wanted: tree.Tree, at: int, **values: object) -> tree.Tree:
    """The tree with a member changed."""
    return wanted.replacing(dataclasses.replace(wanted.members[at], **values))  # type: ignore[arg-type]


class Serving:
    """Tests of trees that stand still."""

    subject: subject.Subject

    def carried(self, wanted: tree.Tree) -> tree.Tree:
        """The tree, if the subject carries it; else the test is skipped."""
        return admission.carried(self.subject, wanted)

    @speeches
    def test_every_member_answers_in_its_turn(self, stage: stage.Stage, speech: str) -> None:
        needs_packets(self.subject)
        stage.put(self.carried(pictures.three(speech)))
        assert stage.answers(speech) == dict.fromkeys(pictures.NAMES, 4)

    @speeches
    def test_clients_of_both_families_are_answered(self, stage: stage.Stage, speech: str) -> None:
        needs_packets(self.subject)
        stage.put(self.carried(pictures.picture(speech, {}, {"address": pictures.MEMBERS6[1]})))
        for vip in (pictures.VIP, pictures.VIP6):
            assert stage.ask(speech, vip=vip) in {"one", "two"}

    @speeches
    def test_weights_are_shares(self, stage: stage.Stage, speech: str) -> None:
        needs_packets(self.subject)
        stage.put(self.carried(pictures.picture(speech, {"weight": 3}, {"weight": 1}, {"weight": 0})))
        assert stage.answers(speech) == {"one": 9, "two": 3}

    @speeches
    @pytest.mark.parametrize("values", [{"weight": 0}, {"admin_state_up": False}], ids=["drained", "disabled"])
    def test_who_may_not_serve_is_not_asked(self, stage: stage.Stage, speech: str, values: dict[str, object]) -> None:
        needs_packets(self.subject)
        whole = self.carried(changed(pictures.three(speech), 0, **values))
        stage.put(whole)
        assert stage.answers(speech).keys() == {"two", "three"}
        stage.put(self.carried(changed(changed(whole, 1, **values), 2, **values)))
        assert stage.ask(speech) not in EVERYBODY

    @speeches
    def test_a_listener_with_nobody_behind_it_answers_nothing_of_a_member(
        self, stage: stage.Stage, speech: str
    ) -> None:
        needs_packets(self.subject)
        for wanted in (pictures.picture(speech), pictures.three(speech, front={"default_pool_id": None})):
            stage.put(self.carried(wanted))
            assert stage.ask(speech) not in EVERYBODY
        stage.put(self.carried(pictures.three(speech)))
        assert stage.ask(speech) in EVERYBODY

    @speeches
    def test_networks_that_are_not_allowed_are_not_served(self, stage: stage.Stage, speech: str) -> None:
        needs_packets(self.subject)
        whole = self.carried(pictures.three(speech, front={"allowed_cidrs": ["172.16.100.4/32"]}))
        stage.put(whole)
        assert stage.ask(speech) in EVERYBODY
        assert stage.ask(speech, vip=pictures.VIP6) not in EVERYBODY
        stage.put(whole.replacing(dataclasses.replace(whole.listeners[0], allowed_cidrs=("10.0.0.0/8",))))
        assert stage.ask(speech) not in EVERYBODY

    @speeches
    @pytest.mark.parametrize("algorithm", ["SOURCE_IP", "SOURCE_IP_PORT"])
    def test_a_client_stays_by_its_address(self, stage: stage.Stage, speech: str, algorithm: str) -> None:
        needs_packets(self.subject)
        stage.put(self.carried(pictures.three(speech, back={"lb_algorithm": algorithm})))
        found = stage.answers(speech, 24).keys()
        assert found <= EVERYBODY
        assert len(found) == 1 if algorithm == "SOURCE_IP" else len(found) > 1

    @speeches
    def test_a_client_is_kept_where_it_was(self, stage: stage.Stage, speech: str) -> None:
        needs_packets(self.subject)
        kept = {"session_persistence": {"type": "SOURCE_IP"}}
        stage.put(self.carried(pictures.three(speech, back=kept)))
        found = stage.answers(speech, 6).keys()
        assert found <= EVERYBODY
        assert len(found) == 1

    def test_a_policy_that_rejects_rejects(self, stage: stage.Stage) -> None:
        needs_packets(self.subject)
        stage.put(self.carried(cases.CASES["a policy that says REJECT"]))
        assert stage.ask("HTTP") not in EVERYBODY
        stage.put(self.carried(cases.CASES["a policy out of service"]))
        assert stage.ask("HTTP") in EVERYBODY

    @speeches
    def test_a_spare_member_waits(self, stage: stage.Stage, speech: str) -> None:
        needs_packets(self.subject)
        whole = self.carried(pictures.picture(speech, {}, {"backup": True}))
        stage.put(whole)
        assert stage.answers(speech, 6).keys() == {"one"}
        stage.put(self.carried(changed(whole, 0, admin_state_up=False)))
        assert stage.answers(speech, 6).keys() == {"two"}

    def test_streams_and_datagrams_share_a_port_number(self, stage: stage.Stage) -> None:
        needs_packets(self.subject)
        stage.put(self.carried(cases.CASES["one port number for streams and datagrams"]))
        assert (stage.ask("TCP"), stage.ask("UDP")) == ("one", "two")

    @speeches
    def test_it_is_said_which_listeners_pools_and_members_serve(self, stage: stage.Stage, speech: str) -> None:
        whole = self.carried(changed(pictures.three(speech), 1, admin_state_up=False))
        stage.put(whole)
        seen = stage.seen()
        assert seen.frontends == {LISTENER: "open"}
        assert seen.backends == {POOL: "up"}
        assert seen.servers == {ONE: "no_check", TWO: "maint", THREE: "no_check"}
        assert seen.counters.keys() == {LISTENER}

    @speeches
    def test_a_pool_is_down_when_nobody_of_it_may_serve(self, stage: stage.Stage, speech: str) -> None:
        for members, state in (((), "up"), (({"admin_state_up": False},), "down"), (({"weight": 0},), "down")):
            stage.put(self.carried(pictures.picture(speech, *members)))
            assert stage.seen().backends == {POOL: state}, members

    @speeches
    def test_what_is_out_of_service_is_not_said_to_serve(self, stage: stage.Stage, speech: str) -> None:
        off = {"admin_state_up": False}
        for wanted in (pictures.three(speech, front=off), pictures.three(speech, loadbalancer=off)):
            stage.put(self.carried(pictures.three(speech)))
            stage.put(self.carried(wanted))
            seen = stage.observe()
            assert seen is None or seen.frontends.get(LISTENER, "closed") == "closed"
            if self.subject.packets:
                assert stage.ask(speech) == ""
        stage.put(pictures.three(speech))
        assert stage.seen().frontends == {LISTENER: "open"}

    @speeches
    def test_a_monitor_tells_who_answers(self, stage: stage.Stage, speech: str) -> None:
        needs_packets(self.subject)
        kind = "UDP-CONNECT" if speech == "UDP" else "TCP"
        stage.put(self.carried(pictures.picture(speech, {}, {"weight": 0}, monitor={"type": kind})))
        stage.settle(lambda: stage.seen().servers == {ONE: "up", TWO: "drain"})
        member = stage.members[pictures.MEMBERS[0]]
        member.stop()
        stage.settle(lambda: stage.seen().servers[ONE] == "down" and stage.seen().backends[POOL] == "down")
        assert stage.ask(speech) not in EVERYBODY
        member.start()
        stage.settle(lambda: stage.seen().servers[ONE] == "up" and stage.ask(speech) == "one")
