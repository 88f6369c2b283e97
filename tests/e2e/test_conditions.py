"""A member whose address nobody has, on a running vipool: named wherever a user or an operator may look, and over."""

import json

import httpx

from tests import live as lives

NOBODY = "172.16.100.99"
BASE = "/load-balancer/vipool/v1"


def of_member(city, identifier):
    """The conditions of a member, as its owner reads them."""
    found = city.tenant.ask("GET", f"{BASE}/loadbalancers/{city.balancer.id}/conditions")["conditions"]
    return [each for each in found if each["object_id"] == identifier]


def scraped(city):
    """What Prometheus would read on the node itself."""
    transport = httpx.HTTPTransport(uds=str(city.live.state_dir / "run" / "agent.sock"))
    with httpx.Client(transport=transport, base_url="http://vipool") as client:
        return client.get("/metrics").text


def page(city):
    """The same, as an administrator reads it over the network."""
    return city.admin._http.get(f"{BASE}/metrics").text


def test_a_member_that_nobody_answers_for_is_named_by_the_api_the_metrics_and_the_command_line(city):
    where = f"/load-balancer/v2.0/lbaas/pools/{city.balancer.pool_id}/members"
    member = city.tenant.make(where, "member", name="nobody", address=NOBODY, protocol_port=80)["id"]
    # The monitor asks it each second: nobody else has to.
    (found,) = lives.within(30, lambda: of_member(city, member), "the condition is told")
    assert (found["name"], found["object_type"], found["address"]) == ("MemberUnreachable", "member", NOBODY)
    assert f"The node asked for {NOBODY} in vain." in found["message"]
    sample = f'vipool_loadbalancer_condition{{condition="MemberUnreachable",loadbalancer="{city.balancer.id}",'
    for text in (scraped(city), page(city)):
        assert 'vipool_conditions{condition="MemberUnreachable"} 1\n' in text
        assert sample in text
        assert 'vipool_conditions{condition="ConntrackTableFull"} 0\n' in text
    assert f"member {member} {NOBODY}" in city.live.run("conditions", city.balancer.id, code=1)
    (told,) = json.loads(city.live.run("trace", city.floating, "--json"))["conditions"]
    assert told["id"] == found["id"]
    city.tenant.ask("DELETE", f"{where}/{member}")
    lives.within(30, lambda: not of_member(city, member), "it is over")
    history = city.tenant.ask("GET", f"{BASE}/loadbalancers/{city.balancer.id}/history")["history"]
    noted = [each["action"] for each in reversed(history) if each["action"].startswith("condition:")]
    assert noted == ["condition:begin", "condition:end"]
    assert city.live.run("conditions") == "Nothing is wrong.\n"
