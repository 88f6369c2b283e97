"""Values of every kind of attribute for Hypothesis: what a client may send, with what is kept of it.

What is kept is said here anew, by how the value was made, and not asked of the kind that parses it.
"""

import dataclasses
import ipaddress
import math
import re
from typing import Any

from hypothesis import strategies as st

from vipool.model import attr, healthmonitor, types, zone

LETTERS = st.characters(codec="utf-8", exclude_characters="\x00")
LONGEST = 30
TRUTHS = {
    True: (True, 1, "true", "True", "T", "yes", "Y", "on", "1", " true "),
    False: (False, 0, "false", "FALSE", "f", "no", "n", "Off", "0"),
}
URL = r"https?://[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~-]{0,9}){0,2}(\?[a-z=&]{0,8})?"
UUIDS = (str, lambda each: each.hex, lambda each: str(each).upper(), "{{{}}}".format, "urn:uuid:{}".format)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A value as it is sent, and as it comes back."""

    sent: Any
    kept: Any


def same(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Said]:
    """Values that come back as they are sent."""
    return values.map(lambda value: Said(sent=value, kept=value))


def spelled(values: st.SearchStrategy[Any], *spellings: Any) -> st.SearchStrategy[Said]:
    """Values that may be sent in several spellings, and come back as they are."""
    return st.builds(lambda value, spell: Said(sent=spell(value), kept=value), values, st.sampled_from(spellings))


def said(kind: types.Kind) -> st.SearchStrategy[Said]:
    """Values of a kind that it takes, whatever the rest of the body."""
    match kind:
        case types.String():
            return same(text(kind))
        case types.Integer(least=least, most=most):
            return spelled(st.integers(least, most), int, str, " {} ".format, broken)
        case types.OneOf(allowed=allowed) | types.Number(allowed=allowed):
            return spelled(st.sampled_from(allowed), type(allowed[0]), str)
        case types.Boolean():
            truths = st.sampled_from([(word, truth) for truth, words in TRUTHS.items() for word in words])
            return truths.map(lambda pair: Said(sent=pair[0], kept=pair[1]))
        case types.Uuid():
            return st.builds(
                lambda each, spell: Said(sent=spell(each), kept=str(each)), st.uuids(), st.sampled_from(UUIDS)
            )
        case types.Url():
            return same(st.from_regex(rf"\A(?:{URL})\Z"))
        case types.Alpn():
            return same(st.sampled_from(types.ALPN))
        case types.IpAddress():
            return same(st.ip_addresses().flatmap(spellings_of_address))
        case types.Cidr():
            return networks()
        case types.Choice(options=options):
            return same(st.sampled_from([option.value for option in options]))
        case _:
            return composed(kind)


def composed(kind: types.Kind) -> st.SearchStrategy[Said]:
    """Values that are made of others."""
    match kind:
        case types.ListOf(item=item, distinct=distinct):
            return st.lists(said(item), max_size=3).map(lambda found: listed(found, distinct=distinct))
        case types.MapOf(item=item):
            return st.dictionaries(text(types.String(20)), said(item), max_size=3).map(keyed)
        case types.Entry(keys=keys, required=required):
            every = {key: said(each) for key, each in keys.items()}
            return st.fixed_dictionaries(
                {key: every.pop(key) for key in required}, optional={key: each | NULL for key, each in every.items()}
            ).map(lambda found: whole(found, tuple(keys)))
        case _:
            raise AssertionError(f"no strategy for {kind}")


NULL = st.just(Said(sent=None, kept=None))


LABEL = st.from_regex(r"\A[A-Za-z0-9_]([A-Za-z0-9_-]{0,8}[A-Za-z0-9_])?\Z")
# Patterns that look ahead or behind: what is drawn from them seldom fits.
PATTERNS = {
    healthmonitor.DOMAIN: st.lists(LABEL, min_size=1, max_size=3).map(".".join),
    zone.NAME: st.text(LETTERS, min_size=1, max_size=LONGEST),
}


def text(kind: types.String) -> st.SearchStrategy[str]:
    """Texts, some of them as long as they may be."""
    if kind.pattern is None:
        usual = st.text(LETTERS, min_size=kind.least, max_size=min(kind.most, LONGEST))
        return usual | st.sampled_from("xé").map(lambda letter: letter * kind.most)
    fits = re.compile(kind.pattern)
    found = PATTERNS.get(kind.pattern, st.from_regex(rf"\A(?:{kind.pattern})\Z", alphabet=LETTERS))
    return found.filter(lambda each: kind.least <= len(each) <= kind.most and fits.fullmatch(each) is not None)


def broken(number: int) -> Any:
    """A number with a fraction, which is dropped towards zero; none where floats have no room for it."""
    return number + math.copysign(0.25, number) if abs(number) < 2**50 else number


def spellings_of_address(address: Any) -> st.SearchStrategy[str]:
    """An address as people may type it, which is how it is kept."""
    return st.sampled_from([address.compressed, address.exploded, address.compressed.upper()])


def networks() -> st.SearchStrategy[Said]:
    """Networks, given by any address in them."""

    def inside(address: Any, length: int) -> Said:
        length = min(length, address.max_prefixlen)
        network = ipaddress.ip_network((address, length), strict=False)
        return Said(sent=f"{address}/{length}", kept=str(network))

    alone = st.ip_addresses().map(lambda address: Said(sent=str(address), kept=f"{address}/{address.max_prefixlen}"))
    return st.builds(inside, st.ip_addresses(v=4), st.integers(0, 32)) | alone


def listed(found: list[Said], *, distinct: bool) -> Said:
    """A list of values; where repeats make no sense, the first of each is kept."""
    kept = [each.kept for each in found]
    return Said(sent=[each.sent for each in found], kept=list(dict.fromkeys(kept)) if distinct else kept)


def keyed(found: dict[str, Said]) -> Said:
    """An object of any keys."""
    return Said(
        sent={key: each.sent for key, each in found.items()}, kept={key: each.kept for key, each in found.items()}
    )


def whole(found: dict[str, Said], keys: tuple[str, ...]) -> Said:
    """An object that is kept with all the keys it may have."""
    kept = {key: found[key].kept if key in found else None for key in keys}
    return Said(sent={key: each.sent for key, each in found.items()}, kept=kept)


def null_of(attribute: attr.Attribute, before: Any) -> Any:
    """What null leaves of an attribute that was ``before``, as its declaration says."""
    match attribute.attr.null:
        case attr.Null.STORE:
            return None
        case attr.Null.KEEP:
            return before
        case attr.Null.DEFAULT:
            return attr.jsonable(attribute.default)
        case attr.Null.REFUSE:
            raise AssertionError(f"{attribute.wire} cannot be null")
        case value:
            return value
