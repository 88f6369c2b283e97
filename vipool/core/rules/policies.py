"""What an L7 policy and its rules must be: they belong to a listener that has requests, and say something."""

import re

from vipool.core import l7
from vipool.core.rules import expressions, pairs, pools
from vipool.model import faults, l7policy, l7rule, listener, tree

MOST_RULES = 50
Type, Compare = l7rule.Type, l7rule.Compare
# RFC 6265 section 4.1.1: what a cookie's value is made of.
COOKIE_VALUE = re.compile(r"[A-Za-z0-9!#$%&'()*+./:<=>?@[\]^_`{|}~-]+")
# RFC 9110 section 5.5, without blanks unless the whole is quoted: what a header's value is compared with.
HEADER_VALUE = re.compile(r"[\x21-\x7e]+|\"[\x20-\x21\x23-\x7e]*\"")
DN_FIELD = re.compile(r"[a-zA-Z][A-Za-z0-9-]*")
FROM_CERTIFICATE = frozenset({Type.SSL_CONN_HAS_CERT, Type.SSL_VERIFY_RESULT, Type.SSL_DN_FIELD})


def check_policy(whole: tree.Tree, row: l7policy.L7Policy) -> None:
    """Refuse a policy of a listener that cannot have one, or that redirects to a pool that cannot answer."""
    front = listener_above(whole, row.listener_id)
    pairs.refuse_childless(front.protocol)
    if row.action in l7.LEADS:
        name, called = l7.LEADS[row.action]
        if getattr(row, name) is None:  # a change may take it away without naming the action
            raise l7.invalid(f"{called} must not be None")
    if row.redirect_pool_id is not None:
        pairs.check(front.protocol, pairs.pool_named(whole, row.redirect_pool_id).protocol)


def listener_above(whole: tree.Tree, identifier: str) -> listener.Listener:
    """The listener of a policy.  Raises faults.NotFound, or Conflict when it is going."""
    found = whole.find(listener.Listener, identifier)
    if found is None:
        raise faults.not_found("Listener", identifier)
    if found.dying:
        raise faults.Conflict(f"Listener {identifier} is immutable and cannot be updated.")
    return found


def policy_above(whole: tree.Tree, identifier: str) -> l7policy.L7Policy:
    """The policy of a rule.  Raises faults.NotFound, or Conflict when it is going."""
    found = whole.find(l7policy.L7Policy, identifier)
    if found is None:
        raise faults.not_found("L7 Policy", identifier)
    if found.dying:
        raise faults.Conflict(f"L7Policy {identifier} is immutable and cannot be updated.")
    return found


def check_rule(whole: tree.Tree, row: l7rule.L7Rule) -> None:
    """Refuse a rule that no request could meet, or one too many."""
    policy_above(whole, row.l7policy_id)
    others = [each for each in whole.rules_of(row.l7policy_id) if each.id != row.id]
    if len(others) >= MOST_RULES:
        raise faults.Conflict(f"Too many rules on L7 policy {row.l7policy_id}")
    if row.value in {"", '""'}:
        raise unparsed("Invalid L7 Rule: L7 rule type requires a value")
    if row.type in FROM_CERTIFICATE:
        _check_certificate_rule(row)
    else:
        _check_request_rule(row)
    if row.compare_type is Compare.REGEX:
        _check_expression(row.value)


def unparsed(reason: str) -> faults.Invalid:
    """The refusal of a rule."""
    return faults.Invalid(f"Error parsing L7Rule: {reason}")


def _check_request_rule(row: l7rule.L7Rule) -> None:
    if row.type in {Type.HEADER, Type.COOKIE}:
        if not row.key:
            raise unparsed("Invalid L7 Rule: L7 rule type requires a key")
        if not set(row.key) <= pools.TOKEN:
            raise unparsed("Invalid characters in key")
    if row.type is Type.FILE_TYPE and row.compare_type not in {Compare.EQUAL_TO, Compare.REGEX}:
        raise unparsed("Invalid L7 Rule: invalid comparison type for rule type")
    if row.compare_type is Compare.REGEX:
        return
    wanted, what = (COOKIE_VALUE, "cookie value") if row.type is Type.COOKIE else (HEADER_VALUE, "header value")
    if not wanted.fullmatch(row.value):
        raise unparsed(f"Invalid characters in {what}")


def _check_certificate_rule(row: l7rule.L7Rule) -> None:
    if row.type is Type.SSL_DN_FIELD:
        if not row.key:
            raise unparsed(f"Invalid L7 Rule: L7rule type {row.type} needs to specify a key and a value.")
        if not DN_FIELD.fullmatch(row.key):
            raise unparsed("Invalid L7 Rule: Invalid L7rule distinguished name field.")
        if row.compare_type is not Compare.REGEX and not HEADER_VALUE.fullmatch(row.value):
            raise unparsed("Invalid characters in comparison value")
        return
    if row.key:
        raise unparsed(f'Invalid L7 Rule: L7rule type {row.type} does not use the "key" field.')
    if row.compare_type is not Compare.EQUAL_TO:
        raise unparsed(f"Invalid L7 Rule: L7rule type {row.type} only supports the EQUAL_TO compare type.")
    if row.type is Type.SSL_CONN_HAS_CERT and row.value.lower() != "true":
        raise unparsed(f"Invalid L7 Rule: L7rule value {row.value} is not a boolean True string.")
    if row.type is Type.SSL_VERIFY_RESULT and not re.fullmatch(r"[0-9]{1,9}", row.value):
        raise unparsed(f"Invalid L7 Rule: L7rule type {row.type} needs a int value, which is >= 0")


def _check_expression(text: str) -> None:
    reason = expressions.refuse(text)
    if reason is not None:
        raise unparsed(f"Unable to parse regular expression: {reason}")
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise unparsed(f"Unable to parse regular expression: {error}") from error
