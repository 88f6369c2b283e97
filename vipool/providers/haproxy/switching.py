"""L7 policies as lines of a frontend: each rule an `acl` named by its id, each policy one line that asks them.

Promises: pure. The lines stand in the order of `vipool.core.l7.in_force`, which is also the order in which HAProxy
would ask them wherever they stood: `http-request` before `use_backend`. Regular expressions are those that
`vipool.core.rules.expressions` let in. Does not say where a pool's own lines are.
"""

from collections.abc import Iterator
from typing import assert_never

from vipool.core import l7
from vipool.model import l7policy, l7rule, listener, tree
from vipool.providers.haproxy import served, tokens

Words = tuple[tokens.Word, ...]
Type, Compare, Action = l7rule.Type, l7rule.Compare, l7policy.Action

METHODS = {
    Compare.REGEX: "reg",
    Compare.STARTS_WITH: "beg",
    Compare.ENDS_WITH: "end",
    Compare.CONTAINS: "sub",
    Compare.EQUAL_TO: "str",
}
# Steps that PCRE2 may take for one comparison, then it is not met: a third of a millisecond. Its own limit is a hundred
# times that, and a request can have hundreds of values to be compared: the process would serve nobody meanwhile.
STEPS = 100_000


def lines(wanted: tree.Tree, front: listener.Listener) -> Iterator[str]:
    """The lines of a listener's policies."""
    questions = l7.in_force(wanted, front)
    for question in questions:
        for rule in question.rules:
            for test in tests(rule):
                yield tokens.line("acl", tokens.name(rule.id), *test)
    for question in questions:
        met = [f"{'!' if rule.invert else ''}{tokens.name(rule.id)}" for rule in question.rules]
        yield tokens.line(*_action(question.policy, front), "if", *met)


def _action(policy: l7policy.L7Policy, front: listener.Listener) -> Words:
    redirect = ("http-request", "redirect", "code", policy.redirect_http_code or l7policy.USUAL_CODE)
    match policy.action:
        case Action.REJECT:
            return "http-request", "deny"
        case Action.REDIRECT_TO_URL:
            return *redirect, "location", tokens.literal(str(policy.redirect_url))
        case Action.REDIRECT_PREFIX:
            return *redirect, "prefix", tokens.literal(str(policy.redirect_prefix))
        case Action.REDIRECT_TO_POOL:
            return "use_backend", served.backend_name(str(policy.redirect_pool_id), front)
    assert_never(policy.action)


def tests(rule: l7rule.L7Rule) -> Iterator[Words]:
    """What HAProxy looks at for a rule, and how; any of several may hold."""
    key = tokens.argument(rule.key or "")
    match rule.type:
        case Type.HOST_NAME:
            yield "req.hdr(host)", "-i", *_compared(rule)
        case Type.PATH:
            yield "path", *_compared(rule)
        case Type.FILE_TYPE if rule.compare_type is Compare.EQUAL_TO:
            # The type of /a/picture.jpg is jpg, and that of /jpg is none.
            yield "path", "-m", "end", "--", f".{_text(rule).removeprefix('.')}"
        case Type.FILE_TYPE:
            yield "path", *_compared(rule)
        case Type.HEADER:
            yield from ((f"{fetch}({key})", *_compared(rule)) for fetch in _header_fetches(rule))
        case Type.COOKIE:
            yield f"req.cook({key})", *_compared(rule)
        case Type.SSL_CONN_HAS_CERT:
            yield ("ssl_c_used",)
        case Type.SSL_VERIFY_RESULT:
            yield "ssl_c_verify", "eq", int(rule.value)
        case Type.SSL_DN_FIELD:
            yield f"ssl_c_s_dn({key})", *_compared(rule)
        case _:
            assert_never(rule.type)


def _header_fetches(rule: l7rule.L7Rule) -> tuple[str, ...]:
    """A header that is a list is compared value by value, unless what it is compared with holds a comma itself."""
    if rule.compare_type is Compare.REGEX:
        return "req.hdr", "req.fhdr"
    return ("req.fhdr",) if "," in rule.value else ("req.hdr",)


def _compared(rule: l7rule.L7Rule) -> Words:
    return "-m", METHODS[rule.compare_type], "--", _text(rule)


def _text(rule: l7rule.L7Rule) -> str:
    """What is compared with: without the quotes around a value that has blanks."""
    if rule.compare_type is Compare.REGEX:
        return f"(*LIMIT_MATCH={STEPS}){rule.value}"
    quoted = len(rule.value) > 1 and rule.value.startswith('"') and rule.value.endswith('"')
    return rule.value[1:-1] if quoted else rule.value
