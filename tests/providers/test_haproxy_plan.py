"""The cheapest change: what each difference costs, and that a plan that was performed leaves nothing to do."""

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.providers import trees
from vipool.model import l7policy, listener, tree
from vipool.providers.haproxy import pem, plan, render, stats

LAYOUT = render.Layout(files=20_000)
LISTENER, POOL, MONITOR = trees.identifier(2, 1), trees.identifier(3, 1), trees.identifier(5, 1)
POLICY, RULE = trees.identifier(6, 1), trees.identifier(7, 1)
FIRST, SECOND = trees.identifier(4, 1), trees.identifier(4, 2)
PLACE = f"{POOL}:{LISTENER}"


def text(whole: tree.Tree) -> str:
    return trees.rendered(whole, LAYOUT)[0]


def files(whole: tree.Tree) -> tuple[pem.File, ...]:
    return trees.rendered(whole, LAYOUT)[1]


def served(whole: tree.Tree) -> plan.Running:
    """A process that serves exactly the tree."""
    return plan.Running(text=text(whole), servers=servers(text(whole)))


def servers(served: str) -> dict[stats.Name, stats.Server]:
    return {
        (heading.removeprefix("backend "), name): stats.Server(maintenance=server.maintenance, weight=server.weight)
        for heading, section in plan.sections(served).items()
        for name, server in section.servers.items()
    }


def perform(running: plan.Running, step: plan.Step, wanted: str) -> plan.Running | None:
    """A simulated HAProxy after the step."""
    live = dict(running.servers)
    match step:
        case plan.Nothing():
            return running
        case plan.Stop():
            return None
        case plan.Start() | plan.Reload():
            return plan.Running(text=wanted, servers=servers(wanted))
        case plan.Runtime(commands=commands):
            for command in commands:
                simulate(live, command.text.split())
            return plan.Running(text=wanted, servers=live)


def simulate(live: dict[stats.Name, stats.Server], words: list[str]) -> None:
    match words:
        case ["add", "server", place, *rest]:
            weight = int(rest[rest.index("weight") + 1])
            assert name(place) not in live
            live[name(place)] = stats.Server(maintenance=True, weight=weight)
        case ["del", "server", place]:
            assert live[name(place)].maintenance
            del live[name(place)]
        case ["enable", "health", place]:
            assert name(place) in live
        case ["set" | "commit", "ssl", "cert", *_]:
            pass
        case ["set", "server", place, "weight", weight]:
            live[name(place)] = dataclasses.replace(live[name(place)], weight=int(weight))
        case ["set", "server", place, "state", state]:
            live[name(place)] = dataclasses.replace(live[name(place)], maintenance=state == "maint")
        case _:
            raise AssertionError(words)


def name(place: str) -> stats.Name:
    backend, _, server = place.partition("/")
    return backend, server


def picture() -> tree.Tree:
    member = {"pool_id": POOL, "address": "10.0.0.1"}
    return trees.load(
        {
            "listeners": [{"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL}],
            "pools": [{"id": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}],
            "members": [{"id": FIRST, "protocol_port": 80, **member}, {"id": SECOND, "protocol_port": 81, **member}],
            "healthmonitors": [
                {"id": MONITOR, "pool_id": POOL, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1}
            ],
            "l7policies": [{"id": POLICY, "listener_id": LISTENER, "action": "REJECT", "position": 1}],
            "l7rules": [{"id": RULE, "l7policy_id": POLICY, "type": "PATH", "compare_type": "EQUAL_TO", "value": "/a"}],
        }
    )


TO_URL = {"action": l7policy.Action.REDIRECT_TO_URL, "redirect_url": "http://www.example.org/"}
# Every kind of change with its cost: what the documentation says is what this table says.
COSTS = [
    ("name", "listeners", {"name": "x"}, plan.Nothing),
    ("member weight", "members", {"weight": 7}, plan.Runtime),
    ("member drained", "members", {"weight": 0}, plan.Runtime),
    ("member disabled", "members", {"admin_state_up": False}, plan.Runtime),
    ("member as backup", "members", {"backup": True}, plan.Reload),
    ("member checked elsewhere", "members", {"monitor_port": 99}, plan.Reload),
    ("connection limit", "listeners", {"connection_limit": 7}, plan.Reload),
    ("listener timeout", "listeners", {"timeout_client_data": 7}, plan.Reload),
    ("networks allowed", "listeners", {"allowed_cidrs": ("10.0.0.0/8",)}, plan.Reload),
    ("headers", "listeners", {"insert_headers": {"X-Forwarded-For": "true"}}, plan.Reload),
    ("pool detached", "listeners", {"default_pool_id": None}, plan.Reload),
    ("listener disabled", "listeners", {"admin_state_up": False}, plan.Stop),
    ("persistence", "pools", {"session_persistence": {"type": "HTTP_COOKIE"}}, plan.Reload),
    ("algorithm", "pools", {"lb_algorithm": "LEAST_CONNECTIONS"}, plan.Reload),
    ("monitor path", "healthmonitors", {"url_path": "/x"}, plan.Reload),
    ("policy renamed", "l7policies", {"name": "x"}, plan.Nothing),
    ("policy disabled", "l7policies", {"admin_state_up": False}, plan.Reload),
    ("policy acts otherwise", "l7policies", TO_URL, plan.Reload),
    ("rule compares with another value", "l7rules", {"value": "/b"}, plan.Reload),
    ("rule inverted", "l7rules", {"invert": True}, plan.Reload),
    ("rule disabled", "l7rules", {"admin_state_up": False}, plan.Reload),
    ("monitor disabled", "healthmonitors", {"admin_state_up": False}, plan.Reload),
]


@pytest.mark.parametrize(("rows", "values", "step"), [each[1:] for each in COSTS], ids=[each[0] for each in COSTS])
def test_a_change_costs_what_the_table_says(rows, values, step):
    whole = picture()
    after = whole.replacing(dataclasses.replace(getattr(whole, rows)[0], **values))
    assert type(plan.plan(served(whole), text(after))) is step


def test_another_incarnation_costs_a_reload():
    whole = picture()
    after = whole.replacing(dataclasses.replace(whole.loadbalancer, incarnation=1))
    assert plan.plan(served(whole), text(after)) == plan.Reload(reason="global changes")


def ended(**values: object) -> tree.Tree:
    """The picture behind a listener that ends TLS and a pool that speaks it."""
    whole = picture()
    front = {"protocol": listener.Protocol.TERMINATED_HTTPS, "default_tls_container_ref": "first", **values}
    back = {"tls_enabled": True, "tls_container_ref": "first", "ca_tls_container_ref": "authority"}
    return whole.replacing(
        dataclasses.replace(whole.listeners[0], **front), dataclasses.replace(whole.pools[0], **back)
    )


TLS_COSTS = [
    ("nothing", "listeners", {}, plan.Nothing),
    ("another certificate", "listeners", {"default_tls_container_ref": "second"}, plan.Runtime),
    ("another name", "listeners", {"sni_container_refs": ("second",)}, plan.Reload),
    ("versions", "listeners", {"tls_versions": ("TLSv1.3",)}, plan.Reload),
    ("protocols", "listeners", {"alpn_protocols": ("h2",)}, plan.Reload),
    ("strict transport security", "listeners", {"hsts_max_age": 5}, plan.Reload),
    ("our certificate", "pools", {"tls_container_ref": "second"}, plan.Reload),
    ("the members' authority", "pools", {"ca_tls_container_ref": "second"}, plan.Reload),
    ("TLS to members no more", "pools", {"tls_enabled": False}, plan.Reload),
]


@pytest.mark.parametrize(
    ("rows", "values", "step"), [each[1:] for each in TLS_COSTS], ids=[each[0] for each in TLS_COSTS]
)
def test_a_change_of_tls_costs_what_the_table_says(rows, values, step):
    whole = ended()
    after = whole.replacing(dataclasses.replace(getattr(whole, rows)[0], **values))
    assert type(plan.plan(served(whole), text(after), files(after))) is step


def test_a_certificate_is_exchanged_by_two_commands_and_stands_in_no_repr():
    after = ended(default_tls_container_ref="second")
    step = plan.plan(served(ended()), text(after), files(after))
    assert isinstance(step, plan.Runtime)
    path = f"tls/{LISTENER}/0000.pem"
    assert [each.text for each in step.commands] == [f"set ssl cert {path} <<", f"commit ssl cert {path}"]
    assert step.commands[0].payload == trees.materials()["second"]
    assert "BEGIN" not in repr(step)
    assert "BEGIN" not in repr(files(after))


def test_a_certificate_that_is_longer_than_a_command_costs_a_reload():
    after = ended()
    long = tuple(dataclasses.replace(each, text=each.text * 30) for each in files(after) if each.path.endswith("0.pem"))
    (reason,) = {plan.plan(served(ended()), text(after), (*files(after)[1:], *long)).reason}
    assert "longer than a command" in reason


def test_a_certificate_and_a_weight_change_together():
    after = ended(default_tls_container_ref="second")
    after = after.replacing(dataclasses.replace(after.members[0], weight=9))
    step = plan.plan(served(ended()), text(after), files(after))
    assert isinstance(step, plan.Runtime)
    assert [each.text.split()[:2] for each in step.commands] == [
        ["set", "ssl"], ["commit", "ssl"], ["set", "server"],
    ]  # fmt: skip


def test_a_member_that_comes_is_checked_before_it_is_ready():
    whole = picture()
    step = plan.plan(served(whole.keep(lambda row: row.id != SECOND)), text(whole))
    assert isinstance(step, plan.Runtime)
    assert [each.text.split()[:2] for each in step.commands] == [
        ["add", "server"], ["enable", "health"], ["set", "server"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("persistence", "step"),
    [
        ({"type": "HTTP_COOKIE"}, plan.Reload),
        ({"type": "APP_COOKIE", "cookie_name": "cookie"}, plan.Runtime),
        ({"type": "SOURCE_IP"}, plan.Runtime),
    ],
)
def test_only_a_member_that_brings_a_cookie_cannot_come_in_place(persistence, step):
    whole = picture()
    whole = whole.replacing(dataclasses.replace(whole.pools[0], session_persistence=persistence))
    less = whole.keep(lambda row: row.id != SECOND)
    assert type(plan.plan(served(less), text(whole))) is step
    assert type(plan.plan(served(whole), text(less))) is plan.Runtime
    heavier = whole.replacing(dataclasses.replace(whole.members[0], weight=7))
    assert type(plan.plan(served(whole), text(heavier))) is plan.Runtime


def test_a_member_that_goes_is_in_maintenance_before_it_is_deleted():
    whole = picture()
    step = plan.plan(served(whole), text(whole.keep(lambda row: row.id != SECOND)))
    assert isinstance(step, plan.Runtime)
    assert [each.text for each in step.commands] == [
        f"set server {PLACE}/{SECOND} state maint",
        f"del server {PLACE}/{SECOND}",
    ]
    assert [each.optional for each in step.commands] == [False, True]


def test_a_great_many_members_are_cheaper_by_a_reload():
    whole = picture()
    more = tuple(dataclasses.replace(whole.members[0], id=trees.identifier(4, each)) for each in range(100, 400))
    step = plan.plan(served(whole), text(dataclasses.replace(whole, members=more)))
    assert isinstance(step, plan.Reload)


def test_a_server_that_runs_and_is_in_no_text_is_reloaded_away_when_its_name_is_wanted():
    whole = picture()
    less = whole.keep(lambda row: row.id != SECOND)
    ghost = plan.Running(text=text(less), servers=servers(text(whole)))
    assert isinstance(plan.plan(ghost, text(whole)), plan.Reload)


def test_a_member_that_goes_while_it_is_disabled_is_only_deleted():
    whole = picture()
    whole = whole.replacing(dataclasses.replace(whole.members[1], admin_state_up=False))
    step = plan.plan(served(whole), text(whole.keep(lambda row: row.id != SECOND)))
    assert step == plan.Runtime(
        commands=(plan.Command(text=f"del server {PLACE}/{SECOND}", answer="Server deleted", optional=True),)
    )


def test_a_member_that_comes_disabled_and_unchecked_is_only_added():
    whole = picture()
    whole = dataclasses.replace(whole, healthmonitors=())
    whole = whole.replacing(dataclasses.replace(whole.members[1], admin_state_up=False))
    step = plan.plan(served(whole.keep(lambda row: row.id != SECOND)), text(whole))
    assert isinstance(step, plan.Runtime)
    assert [each.text.split()[0] for each in step.commands] == ["add"]


def test_weights_are_read_from_the_text():
    whole = picture()
    whole = whole.replacing(dataclasses.replace(whole.members[1], weight=9))
    assert plan.weights(text(whole)) == {(PLACE, FIRST): 1, (PLACE, SECOND): 9}


def test_what_runs_of_an_unknown_text_is_reloaded():
    assert isinstance(plan.plan(plan.Running(text=None, servers={}), text(picture())), plan.Reload)


def test_what_runs_and_should_not_is_stopped():
    assert plan.plan(served(picture()), "") == plan.Stop()


def test_what_can_be_told_nothing_is_started_afresh_or_stopped():
    mute = plan.Running(text=None, servers={}, mute=True)
    assert plan.plan(mute, text(picture())) == plan.Start()
    assert plan.plan(mute, "") == plan.Stop()


def test_nothing_runs_and_nothing_should():
    assert plan.plan(None, "") == plan.Nothing()


@hypothesis.given(before=trees.trees(), after=trees.trees(), data=st.data())
def test_a_performed_plan_leaves_nothing_to_do(before, after, data):
    if data.draw(st.booleans()):  # mostly unrelated trees reload; share the structure to reach the runtime commands
        after = dataclasses.replace(before, members=after.members)
    known = {each.id for each in after.pools}
    after = dataclasses.replace(after, members=tuple(each for each in after.members if each.pool_id in known))
    hypothesis.assume(trees.accepted(before) and trees.accepted(after))
    wanted, beside = trees.rendered(after, LAYOUT)
    running = served(before) if text(before) else None
    step = plan.plan(running, wanted, beside)
    if isinstance(step, plan.Runtime) and running is not None:
        # Cut short after any number of commands, planned again: the text on disk is still the old one.
        cut = data.draw(st.integers(0, len(step.commands)))
        half = perform(running, plan.Runtime(commands=step.commands[:cut]), wanted)
        assert half is not None
        cut_short = plan.Running(text=None, servers=half.servers)
        assert not isinstance(plan.plan(cut_short, wanted, beside), plan.Nothing)
    done = perform(running or plan.Running(text="", servers={}), step, wanted)
    assert plan.plan(done if wanted else None, wanted, beside) == plan.Nothing()
