"""`openstack loadbalancer l7policy` and `l7rule`: every command, every option."""

import pytest

from tests import live as lives
from tests.compat import offered

CODES = ("301", "302", "303", "307", "308")
COMPARISONS = ("REGEX", "STARTS_WITH", "ENDS_WITH", "CONTAINS", "EQUAL_TO")
# A rule of each type, with what it needs.
RULES = {
    "HOST_NAME": ("--value", "a.example"),
    "PATH": ("--value", "/a"),
    "FILE_TYPE": ("--value", "png"),
    "HEADER": ("--key", "X-Kind", "--value", "a"),
    "COOKIE": ("--key", "kind", "--value", "a"),
    "SSL_CONN_HAS_CERT": ("--value", "True"),
    "SSL_VERIFY_RESULT": ("--value", "0"),
    "SSL_DN_FIELD": ("--key", "CN", "--value", "a"),
}


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-l7")


@pytest.fixture(scope="module")
def listener(member, subnet):
    """The listener of all policies, with two pools beside it."""
    member.do("loadbalancer create", "--name", "lb", "--vip-subnet-id", subnet)
    made = member.get(
        "loadbalancer listener create", "--name", "web", "--protocol", "HTTP", "--protocol-port", "80", "lb"
    )
    for name in ("webs", "others"):
        member.do(
            f"loadbalancer pool create --name {name} --protocol HTTP --lb-algorithm ROUND_ROBIN --loadbalancer lb"
        )
    return made


@pytest.fixture(scope="module")
def policies(listener, member):
    """A policy of each action, by name, in this order."""
    create = "loadbalancer l7policy create"
    return {
        "stop": member.get(create, "--name", "stop", "--action", "REJECT", "--disable", "--tag", "blue", "web"),
        "lead": member.get(
            create,
            *("--name", "lead", "--description", "to a pool", "--action", "REDIRECT_TO_POOL"),
            *("--redirect-pool", "webs", "--position", "1", "--enable", "--tag", "red", "--tag", "blue", "web"),
        ),
        "away": member.get(
            create,
            *("--name", "away", "--action", "REDIRECT_TO_URL", "--redirect-url", "https://a.example/x"),
            *("--redirect-http-code", "301", "--no-tag", "web"),
        ),
        "over": member.get(
            create,
            *("--name", "over", "--action", "REDIRECT_PREFIX", "--redirect-prefix", "https://b.example", "web"),
        ),
    }


@pytest.fixture(scope="module")
def rules(policies, member):
    """A rule of each type, by type."""
    create = "loadbalancer l7rule create"
    made = {
        kind: member.get(create, "--type", kind, "--compare-type", "EQUAL_TO", *words, "lead")
        for kind, words in RULES.items()
    }
    path, header = "create --type PATH", "create --type HEADER --key Accept"
    for name, words in (
        ("full", f"{path} --compare-type STARTS_WITH --value /b --invert --disable --tag red --tag blue"),
        ("tagged", f"{header} --compare-type CONTAINS --value html --enable --tag blue"),
        ("bare", f"{path} --compare-type ENDS_WITH --value /a --no-tag"),
    ):
        made[name] = member.get(f"loadbalancer l7rule {words} lead")
    return made


def policy(member, name):
    return member.get("loadbalancer l7policy show", name)


def rule(member, made, parent="lead"):
    return member.get("loadbalancer l7rule show", parent, made["id"])


def listed(console, *words):
    return sorted(each["name"] for each in console.get("loadbalancer l7policy list", *words))


def test_policies_are_made_with_all_they_can_have(policies, listener, member):
    lead = policy(member, "lead")
    assert lead == {
        **lead,
        "description": "to a pool",
        "action": "REDIRECT_TO_POOL",
        "redirect_pool_id": member.get("loadbalancer pool show", "webs")["id"],
        "redirect_url": None,
        "position": 1,
        "listener_id": listener["id"],
        "admin_state_up": True,
    }
    assert sorted(lead["tags"]) == ["blue", "red"]
    stop = policy(member, policies["stop"]["id"])
    assert (stop["action"], stop["admin_state_up"], stop["position"], stop["tags"]) == ("REJECT", False, 2, ["blue"])
    away = policy(member, "away")
    assert (away["redirect_url"], away["redirect_http_code"], away["tags"]) == ("https://a.example/x", 301, [])
    over = policy(member, "over")
    assert (over["redirect_prefix"], over["redirect_http_code"], over["position"]) == ("https://b.example", 302, 4)


def test_lists_of_policies_hold_what_is_asked_for(policies, member):
    everything = ["away", "lead", "over", "stop"]
    for words, names in (
        ((), everything),
        (("--listener", "web"), everything),
        (("--tags", "red,blue"), ["lead"]),
        (("--any-tags", "red,blue"), ["lead", "stop"]),
        (("--not-tags", "red,blue"), ["away", "over", "stop"]),
        (("--not-any-tags", "red,blue"), ["away", "over"]),
    ):
        assert listed(member, *words) == names, words
    row = next(each for each in member.get("loadbalancer l7policy list") if each["name"] == "lead")
    assert (row["id"], row["action"], row["position"]) == (policies["lead"]["id"], "REDIRECT_TO_POOL", 1)


@pytest.mark.parametrize("code", CODES)
def test_a_policy_answers_with_any_code(policies, member, code):
    member.do("loadbalancer l7policy set", "--redirect-http-code", code, "away")
    assert policy(member, "away")["redirect_http_code"] == int(code)
    words = ("--action", "REDIRECT_PREFIX", "--redirect-prefix", "https://b.example", "--redirect-http-code", code)
    made = member.get("loadbalancer l7policy create", "--name", "short", *words, "web")
    assert made["redirect_http_code"] == int(code)
    member.do("loadbalancer l7policy delete", "short")
    lives.within(10, lambda: "short" not in listed(member), "it is gone")


def test_a_policy_takes_any_action(policies, member):
    change = "loadbalancer l7policy set"
    member.do(change, "--action", "REDIRECT_TO_URL", "--redirect-url", "https://c.example/", "over")
    found = policy(member, "over")
    assert (found["action"], found["redirect_url"], found["redirect_prefix"]) == (
        "REDIRECT_TO_URL",
        "https://c.example/",
        None,
    )
    member.do(change, "--action", "REDIRECT_TO_POOL", "--redirect-pool", "others", "over")
    found = policy(member, "over")
    assert (found["action"], found["redirect_url"]) == ("REDIRECT_TO_POOL", None)
    assert found["redirect_pool_id"] == member.get("loadbalancer pool show", "others")["id"]
    member.do(change, "--action", "REJECT", "over")
    assert (policy(member, "over")["action"], policy(member, "over")["redirect_pool_id"]) == ("REJECT", None)
    member.do(change, "--action", "REDIRECT_PREFIX", "--redirect-prefix", "https://d.example", "over")
    assert policy(member, "over")["redirect_prefix"] == "https://d.example"


def test_a_policy_is_changed_and_cleared(policies, member):
    name = policies["away"]["id"]
    words = ("--name", "new", "--description", "other", "--position", "1", "--disable", "--tag", "green")
    member.do("loadbalancer l7policy set", *words, "away")
    found = policy(member, "new")
    assert (found["description"], found["position"], found["admin_state_up"]) == ("other", 1, False)
    assert found["tags"] == ["green"]
    assert policy(member, "lead")["position"] == 2
    member.do("loadbalancer l7policy set", "--enable", "--no-tag", "--tag", "a", "--tag", "b", "new")
    member.do("loadbalancer l7policy unset", "--description", "--redirect-http-code", "--tag", "a", "new")
    found = policy(member, name)
    assert (found["description"], found["redirect_http_code"], found["tags"]) == ("", 302, ["b"])
    member.do("loadbalancer l7policy unset", "--name", "--all-tag", "new")
    found = policy(member, name)
    assert (found["name"], found["tags"], found["admin_state_up"]) == ("", [], True)
    member.do("loadbalancer l7policy set", "--name", "away", name)


def test_rules_are_made_with_all_they_can_have(rules, member):
    full = rule(member, rules["full"])
    assert full == {
        **full,
        "type": "PATH",
        "compare_type": "STARTS_WITH",
        "value": "/b",
        "key": None,
        "invert": True,
        "admin_state_up": False,
    }
    assert sorted(full["tags"]) == ["blue", "red"]
    for kind, words in RULES.items():
        found = rule(member, rules[kind])
        assert (found["type"], found["compare_type"], found["value"]) == (kind, "EQUAL_TO", words[-1])
        assert found["key"] == (words[1] if "--key" in words else None)
    assert {each["id"] for each in policy(member, "lead")["rules"]} == {each["id"] for each in rules.values()}


def test_lists_of_rules_hold_what_is_asked_for(rules, member):
    def ids(*words):
        return {each["id"] for each in member.get("loadbalancer l7rule list", *words, "lead")}

    full, tagged = rules["full"]["id"], rules["tagged"]["id"]
    everything = {each["id"] for each in rules.values()}
    assert ids() == everything
    assert ids("--tags", "red,blue") == {full}
    assert ids("--any-tags", "red,blue") == {full, tagged}
    assert ids("--not-tags", "red,blue") == everything - {full}
    assert ids("--not-any-tags", "red,blue") == everything - {full, tagged}
    row = next(each for each in member.get("loadbalancer l7rule list", "lead") if each["id"] == full)
    assert (row["type"], row["compare_type"], row["value"], row["invert"]) == ("PATH", "STARTS_WITH", "/b", True)


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_a_rule_compares_in_any_way(rules, member, comparison):
    words = ("--compare-type", comparison, "--value", "/pages")
    made = member.get("loadbalancer l7rule create", "--type", "PATH", *words, "away")
    assert (made["compare_type"], made["value"]) == (comparison, "/pages")
    member.do("loadbalancer l7rule set", *words, "lead", rules["bare"]["id"])
    found = rule(member, rules["bare"])
    assert (found["compare_type"], found["value"]) == (comparison, "/pages")


@pytest.mark.parametrize("kind", RULES)
def test_a_rule_becomes_one_of_any_type(rules, member, kind):
    made = member.get(
        "loadbalancer l7rule create", "--type", "PATH", "--compare-type", "EQUAL_TO", *RULES["PATH"], "over"
    )
    words = ("--type", kind, *RULES[kind])
    member.do("loadbalancer l7rule set", *words, "over", made["id"])
    found = rule(member, made, "over")
    assert (found["type"], found["value"]) == (kind, RULES[kind][-1])


def test_a_rule_is_changed_and_cleared(rules, member):
    name = rules["tagged"]["id"]
    words = ("--key", "Accept-Language", "--value", "de", "--invert", "--disable", "--tag", "green")
    member.do("loadbalancer l7rule set", *words, "lead", name)
    found = rule(member, rules["tagged"])
    assert (found["key"], found["value"], found["invert"]) == ("Accept-Language", "de", True)
    assert (found["admin_state_up"], sorted(found["tags"])) == (False, ["blue", "green"])
    member.do("loadbalancer l7rule set", "--enable", "--no-tag", "--tag", "a", "--tag", "b", "lead", name)
    member.do("loadbalancer l7rule unset", "--invert", "--tag", "a", "lead", name)
    found = rule(member, rules["tagged"])
    assert (found["invert"], found["tags"], found["admin_state_up"]) == (False, ["b"], True)
    member.do("loadbalancer l7rule unset", "--all-tag", "lead", name)
    assert rule(member, rules["tagged"])["tags"] == []
    member.do("loadbalancer l7rule set", "--type", "PATH", "lead", name)
    member.do("loadbalancer l7rule unset", "--key", "lead", name)
    assert rule(member, rules["tagged"])["key"] is None


def test_policies_and_rules_are_deleted(rules, policies, member):
    member.do("loadbalancer l7rule delete", "lead", rules["bare"]["id"])
    ids = {each["id"] for each in rules.values()} - {rules["bare"]["id"]}
    lives.within(
        10,
        lambda: {each["id"] for each in member.get("loadbalancer l7rule list", "lead")} == ids,
        "the rule is gone, the others stay",
    )
    assert "is in use by L7 policy" in member.refused("loadbalancer pool delete", "webs")
    member.do("loadbalancer l7policy delete", "lead")
    lives.within(10, lambda: listed(member) == ["away", "over", "stop"], "the policy is gone with its rules")


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
