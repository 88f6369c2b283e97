"""Declarations: bodies, replies and the agents' form derive from the fields of a noun."""

import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.model import (
    attr,
    faults,
    healthmonitor,
    listener,
    loadbalancer,
    member,
    networkquota,
    nouns,
    pool,
    securitygroup,
)

UUID = "7f8a1d5e-0c44-4c5c-8c58-7c7b7b5b0e11"
LISTENER = {"loadbalancer_id": UUID, "protocol": "HTTP", "protocol_port": 80}
SERVER = {"id": UUID, "project_id": "p"}


def made(cls: Any, body: dict[str, Any], **more: Any) -> Any:
    return cls.build({**attr.parse_create(cls, body), **SERVER, **more})


def test_what_was_not_sent_has_its_default():
    found = made(listener.Listener, LISTENER)
    assert (found.connection_limit, found.timeout_client_data, found.admin_state_up) == (-1, 50000, True)


def test_a_mandatory_attribute_is_asked_for_by_name():
    with pytest.raises(faults.MissingAttribute) as caught:
        attr.parse_create(listener.Listener, {"loadbalancer_id": UUID, "protocol": "HTTP"})
    assert caught.value.sentence == (
        "Invalid input for field/attribute protocol_port. Value: 'None'. Mandatory field missing."
    )


def test_what_clients_may_not_set_is_unknown_to_them():
    for body in ({"operating_status": "ONLINE"}, {"touched": 7}, {"nonsense": 1}):
        with pytest.raises(faults.UnknownAttributes) as caught:
            attr.parse_create(listener.Listener, {**LISTENER, **body})
        assert caught.value.sentence == f"Unknown attribute for argument listener_.listener: {next(iter(body))}"


def test_what_is_fixed_at_birth_is_unknown_to_an_update():
    with pytest.raises(faults.UnknownAttributes):
        attr.parse_update(listener.Listener, {"protocol_port": 81})


@pytest.mark.parametrize(
    ("cls", "body", "kept"),
    [
        (listener.Listener, {"connection_limit": None}, {"connection_limit": -1}),
        (listener.Listener, {"admin_state_up": None}, {"admin_state_up": False}),
        (listener.Listener, {"name": None}, {"name": ""}),
        (listener.Listener, {"tags": None}, {}),
        (listener.Listener, {"default_pool_id": None}, {"default_pool_id": None}),
        (member.Member, {"weight": None}, {"weight": 1}),
        (healthmonitor.HealthMonitor, {"max_retries_down": None}, {"max_retries_down": 3}),
    ],
)
def test_null_means_what_octavia_says_on_update(cls, body, kept):
    assert attr.parse_update(cls, body) == kept


def test_null_for_what_has_no_default_is_refused():
    with pytest.raises(faults.NullAttribute, match="None is not a valid option for delay"):
        attr.parse_update(healthmonitor.HealthMonitor, {"delay": None})
    with pytest.raises(faults.MissingAttribute):
        attr.parse_create(member.Member, {"address": None, "protocol_port": 80})


def test_null_may_be_handed_on_to_a_rule_that_refuses_it_in_its_own_words():
    assert attr.parse_create(loadbalancer.LoadBalancer, {"flavor_id": None}) == {"flavor_id": None}


def test_a_parent_given_by_the_path_may_not_be_sent():
    with pytest.raises(faults.UnknownAttributes, match="where: loadbalancer_id"):
        attr.parse_create(listener.Listener, LISTENER, where="where", without=frozenset({"loadbalancer_id"}))


@pytest.mark.parametrize(
    ("wrap", "sentence"),
    [(lambda inner: [inner], "Value should be string"), (lambda inner: {"a": inner}, "nested too deeply")],
)
def test_deep_nesting_is_refused_not_followed(wrap, sentence):
    deep: Any = []
    for _ in range(100_000):
        deep = wrap(deep)
    with pytest.raises(faults.BadAttribute, match=sentence):
        attr.parse_update(listener.Listener, {"tags": deep})


def test_a_noun_is_kept_and_paged_under_its_collection_unless_it_says_otherwise():
    assert (listener.Listener.NOUN.table, listener.Listener.NOUN.links_key) == ("listeners", "listeners_links")
    assert securitygroup.Rule.NOUN.links_key == "security_group_rules_links"
    assert networkquota.NetworkQuota.NOUN.table == "network_quotas"


def test_a_reply_shows_what_is_shown_and_nothing_else():
    shown = attr.show(made(listener.Listener, LISTENER))
    assert shown["protocol"] == "HTTP"
    assert not {"touched", "born", "dying", "loadbalancer_id"} & set(shown)


def test_a_moment_is_shown_without_a_zone():
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5)
    assert attr.jsonable(moment) == "2026-01-02T03:04:05"
    assert attr.jsonable(moment.replace(microsecond=6)) == "2026-01-02T03:04:05.000006"


NAMES = st.text(max_size=20)
BODIES = st.one_of(
    st.tuples(
        st.just(loadbalancer.LoadBalancer),
        st.fixed_dictionaries(
            {}, optional={"name": NAMES, "tags": st.lists(NAMES), "vip_address": st.just("10.0.0.1")}
        ),
    ),
    st.tuples(
        st.just(pool.Pool),
        st.fixed_dictionaries(
            {
                "loadbalancer_id": st.just(UUID),
                "protocol": st.sampled_from([*pool.Protocol]).map(str),
                "lb_algorithm": st.just("ROUND_ROBIN"),
            },
            optional={
                "session_persistence": st.none() | st.just({"type": "SOURCE_IP"}),
                "tls_versions": st.none() | st.just(["TLSv1.2"]),
                "description": NAMES,
            },
        ),
    ),
)


@given(BODIES)
def test_an_object_survives_the_way_to_a_node(pair):
    cls, body = pair
    try:
        found = made(cls, body, created_at=datetime.datetime(2026, 1, 2, 3, 4, 5, 6))
    except faults.BadAttribute:
        return  # NUL and surrogates, which names may not have
    assert attr.load(cls, orjson.loads(orjson.dumps(attr.dump(found)))) == found


@pytest.mark.parametrize("noun", nouns.NOUNS, ids=lambda noun: noun.__name__)
def test_every_attribute_is_declared_and_documented(noun):
    for attribute in attr.attributes(noun):
        assert attribute.attr.doc.endswith((".", ")")), f"{noun.__name__}.{attribute.name} needs a sentence"


def test_a_field_without_a_declaration_is_a_bug_found_at_once():
    import dataclasses

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Bare(attr.Resource):
        size: int = 0

    with pytest.raises(TypeError, match="field size needs a kind"):
        attr.attributes(Bare)
