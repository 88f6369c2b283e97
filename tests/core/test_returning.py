"""Which answers come back by way of a load balancer, and the rules of the router that brings them."""

import dataclasses
import ipaddress

import hypothesis
from hypothesis import strategies as st

from tests.providers import packet_rules, trees
from vipool.core import returning
from vipool.model import port, spec

LISTENER, POOL, ONE = trees.identifier(2, 1), trees.identifier(3, 1), trees.identifier(4, 1)


def picture(**back):
    return trees.load(
        {
            "listeners": [{"id": LISTENER, "protocol": "TCP", "protocol_port": 80, "default_pool_id": POOL}],
            "pools": [{"id": POOL, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", **back}],
            "members": [
                {"id": ONE, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80},
                {"id": trees.identifier(4, 2), "pool_id": POOL, "address": "FD00:0::2", "protocol_port": 81},
            ],
        }
    )


def end(address, number, protocol="tcp"):
    return port.Return(address=address, protocol=protocol, port=number)


def test_members_that_see_the_client_answer_by_way_of_the_load_balancer_and_no_others():
    assert returning.of(picture()) == ()
    wanted = picture(preserve_client_ip=True)
    assert returning.of(wanted) == (end("10.0.0.1", 80), end("fd00::2", 81))
    assert returning.of(wanted.having({"listeners": ()})) == ()
    going = wanted.replacing(dataclasses.replace(wanted.members[0], dying=True))
    assert returning.of(going) == (end("fd00::2", 81),)
    drained = wanted.replacing(dataclasses.replace(wanted.members[0], weight=0, admin_state_up=False))
    assert returning.of(drained) == returning.of(wanted), "what it has open goes on"


def test_no_returns_are_no_rules():
    assert returning.render(()) == ""


def test_an_end_that_two_load_balancers_send_to_answers_one_of_them():
    both = [spec.Return(address="10.0.0.1", protocol="tcp", port=80, via=f"10.0.0.{last}") for last in (12, 11)]
    text = returning.render(both)
    assert text.count("10.0.0.1 . tcp . 80") == 1
    assert text == returning.render(reversed(both))


def returns(version):
    addresses = st.ip_addresses(v=version).map(str)
    kinds = st.sampled_from(("tcp", "udp", "sctp"))
    return st.builds(spec.Return, address=addresses, protocol=kinds, port=st.integers(1, 65535), via=addresses)


@packet_rules.needs_nft
@hypothesis.settings(max_examples=30, database=None)
@hypothesis.given(st.lists(st.one_of(returns(4), returns(6)), max_size=6))
def test_nft_accepts_every_set_of_returns(found):
    text = returning.render(found)
    assert packet_rules.verdict(text) == ""
    for each in found:
        assert f"{ipaddress.ip_address(each.address)} . {each.protocol} . {each.port} : goto via_" in text
        assert f"dup to {ipaddress.ip_address(each.via)}" in text or len(found) > 1
