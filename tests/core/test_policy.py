"""Who may do what: each set of rules by role, an operator's own rules over them, and what cannot be a rule.

That rules mean what they mean to Octavia is held against oslo.policy, which Octavia itself asks.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg
from oslo_policy import policy as oslo

from vipool.core import policy
from vipool.core.policy import actions, language, sets
from vipool.model import caller, faults

MINE, OTHERS = "mine", "others"
READ = actions.named("pool", "get_one")
READ_GLOBAL = actions.named("pool", "get_all-global")
WRITE = actions.named("pool", "put")
LIST_MEMBERS = actions.named("member", "get_all")
FAIL_OVER = actions.named("loadbalancer", "put_failover")
READ_QUOTA = actions.named("quota", "get_one")
WRITE_QUOTA = actions.named("quota", "put")
READS = {READ, LIST_MEMBERS, READ_QUOTA}
ADMINISTERS = {FAIL_OVER, WRITE_QUOTA, READ_GLOBAL}
EVERYTHING = {*READS, *ADMINISTERS, WRITE}
NOTHING: set[str] = set()


def may(rules: policy.Policy, owner: str | None, *roles: str, system: bool = False) -> set[str]:
    """What somebody with some roles may do to objects of a project."""
    project = None if system else MINE
    who = caller.Caller(user_id="somebody", project_id=project, roles=frozenset(roles), system=system)
    found = set()
    for action in EVERYTHING:
        try:
            rules.check(action, who, owner)
        except faults.Forbidden:
            continue
        found.add(action)
    return found


BY_ROLE = [
    (sets.Name.DEFAULT, "reader", READS, NOTHING),
    (sets.Name.DEFAULT, "member", READS | {WRITE}, NOTHING),
    (sets.Name.DEFAULT, "admin", EVERYTHING, EVERYTHING),
    (sets.Name.DEFAULT, "service", {LIST_MEMBERS}, {LIST_MEMBERS}),
    (sets.Name.DEFAULT, "load-balancer_member", NOTHING, NOTHING),
    (sets.Name.DEFAULT, "load-balancer_admin", NOTHING, NOTHING),
    (sets.Name.ADMIN_OR_OWNER, "anything", READS | {WRITE}, NOTHING),
    (sets.Name.ADMIN_OR_OWNER, "load-balancer_admin", EVERYTHING, EVERYTHING),
    (sets.Name.ADMIN_OR_OWNER, "admin", EVERYTHING, EVERYTHING),
    (sets.Name.KEYSTONE_DEFAULT_ROLES, "reader", READS, NOTHING),
    (sets.Name.KEYSTONE_DEFAULT_ROLES, "member", {WRITE}, NOTHING),
    (sets.Name.KEYSTONE_DEFAULT_ROLES, "load-balancer_admin", {FAIL_OVER}, {FAIL_OVER}),
    (sets.Name.KEYSTONE_DEFAULT_ROLES, "admin", EVERYTHING, EVERYTHING),
    (sets.Name.KEYSTONE_DEFAULT_ROLES_SCOPED, "reader", READS, NOTHING),
    (sets.Name.KEYSTONE_DEFAULT_ROLES_SCOPED, "admin", NOTHING, NOTHING),
    (sets.Name.ADVANCED_RBAC, "member", NOTHING, NOTHING),
    (sets.Name.ADVANCED_RBAC, "load-balancer_observer", READS, NOTHING),
    (sets.Name.ADVANCED_RBAC, "load-balancer_member", READS | {WRITE}, NOTHING),
    (sets.Name.ADVANCED_RBAC, "load-balancer_global_observer", READS | {READ_GLOBAL}, READS | {READ_GLOBAL}),
    (sets.Name.ADVANCED_RBAC, "load-balancer_quota_admin", {READ_QUOTA, WRITE_QUOTA}, {READ_QUOTA, WRITE_QUOTA}),
    (sets.Name.ADVANCED_RBAC, "load-balancer_admin", EVERYTHING, EVERYTHING),
]


@pytest.mark.parametrize(("chosen", "role", "own", "others"), BY_ROLE)
def test_a_role_may_do_this_to_its_own_and_that_to_others(chosen, role, own, others):
    rules = policy.make(chosen)
    assert may(rules, MINE, role) == own
    assert may(rules, None, role) == own
    assert may(rules, OTHERS, role) == others


def test_administrators_of_the_system_need_its_scope_where_the_rules_say_so():
    rules = policy.make(sets.Name.KEYSTONE_DEFAULT_ROLES_SCOPED)
    assert may(rules, OTHERS, "admin", "reader", system=True) == EVERYTHING
    assert may(rules, OTHERS, "reader", system=True) == READS | {READ_GLOBAL}


def test_roles_are_the_same_in_any_case_of_letters():
    assert may(policy.make(), MINE, "Reader") == READS


def test_who_has_no_project_owns_nothing():
    who = caller.Caller(user_id="somebody", project_id=None, roles=frozenset({"member"}))
    assert not policy.make().allows(READ, who)


def test_an_operator_s_rules_come_over_those_of_the_set():
    rules = policy.make(
        overrides={WRITE: "role:writer and rule:load-balancer:read", "load-balancer:admin": "role:boss"}
    )
    assert may(rules, MINE, "writer", "reader") == READS | {WRITE}
    assert may(rules, MINE, "member") == READS
    assert may(rules, MINE, "boss") == {FAIL_OVER}


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({WRITE: "rule:nobody-wrote-it"}, "refers to the rule nobody-wrote-it, which does not exist"),
        ({"a": "rule:b", "b": "not rule:a"}, "leads back to itself: a -> b -> a"),
        ({"context_is_admin": "is_admin:True"}, "leads back to itself"),
        ({"os_load-balancer_api:pool:pet": "@"}, "There is no policy action os_load-balancer_api:pool:pet"),
        ({WRITE: "role:a and"}, "a check is missing"),
        ({WRITE: "(role:a"}, "a parenthesis is not closed"),
        ({WRITE: "role:a)"}, "out of place"),
        ({WRITE: "role:a role:b"}, "out of place"),
        ({WRITE: "and role:a"}, "a check is missing"),
        ({WRITE: "members"}, "'members' is no check"),
    ],
)
def test_rules_that_cannot_be_used_are_refused_in_words(overrides, sentence):
    with pytest.raises(policy.Misruled, match=sentence):
        policy.make(overrides=overrides)


def test_every_rule_of_every_set_is_there():
    for chosen in sets.Name:
        assert set(policy.make(chosen).rules) == {*actions.ACTIONS, *sets.SETS[chosen]}


# What a rule says, against what oslo.policy says that it says.

CONF = cfg.ConfigOpts()
CONF([], default_config_files=[])
CHECKS = [
    "role:reader", "role:MEMBER", "rule:owner", "rule:missing", "project_id:%(project_id)s", "project_id:mine",
    "user_id:%(user_id)s", "domain_id:%(project_id)s", "system_scope:all", "@", "!",
]  # fmt: skip
texts = st.recursive(
    st.sampled_from(CHECKS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=6,
)


@given(
    text=texts,
    roles=st.frozensets(st.sampled_from(["reader", "member", "Admin"])),
    project=st.sampled_from([None, MINE, OTHERS]),
    owner=st.sampled_from([None, MINE, OTHERS]),
    system=st.booleans(),
)
def test_a_rule_means_what_it_means_to_octavia(text, roles, project, owner, system):
    known = {"owner": "project_id:%(project_id)s or role:admin", "asked": text}
    who = {"user_id": "somebody", **({} if project is None else {"project_id": project})}
    who |= {"system_scope": "all"} if system else {}
    target = {} if owner is None else {"project_id": owner}
    enforcer = oslo.Enforcer(CONF, rules=oslo.Rules.from_dict(known), use_conf=False)
    theirs = enforcer.enforce("asked", target, {**who, "roles": list(roles)})
    rules = {name: language.parse(each) for name, each in known.items()}
    asked = language.Asked(roles=frozenset(role.lower() for role in roles), properties=who, target=target)
    assert language.met(rules["asked"], rules, asked) == theirs


def test_an_empty_rule_is_always_met():
    assert language.parse("  ") == language.ALWAYS
