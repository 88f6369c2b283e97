"""A strict reader of Prometheus's text format, version 0.0.4: what a server that scrapes would refuse fails here."""

import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
_VALUE = r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN"
_COMMENT = re.compile(rf"# (HELP|TYPE) ({_NAME}) (.+)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL})(?:,{_LABEL})*)?\}})? ({_VALUE})")
KINDS = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})


@dataclass
class Family:
    """One family: its kind, its help, and its samples by labels."""

    kind: str = ""
    help: str = ""
    samples: dict[str, float] = field(default_factory=dict)


def families(text: str) -> dict[str, Family]:
    """The families of a page. Fails on any line that is none, a family in two places, a sample that is there twice."""
    assert text.endswith("\n")
    found: dict[str, Family] = {}
    last = ""
    for line in text.splitlines():
        if not line:
            continue
        comment, sample = _COMMENT.fullmatch(line), _SAMPLE.fullmatch(line)
        assert comment or sample, f"neither a comment nor a sample: {line!r}"
        name = comment.group(2) if comment else sample.group(1) if sample else ""
        assert name == last or name not in found, f"{name} is in two places"
        family, last = found.setdefault(name, Family()), name
        if comment:
            _describe(family, comment.group(1), comment.group(3))
        elif sample:
            labels = sample.group(2) or ""
            assert family.kind, f"{name} has no type"
            assert labels not in family.samples, f"{name} has {labels} twice"
            assert family.kind != "counter" or not float(sample.group(3)) < 0, line
            family.samples[labels] = float(sample.group(3))
    return found


def _describe(family: Family, what: str, words: str) -> None:
    assert not family.samples, "help and type come before the samples"
    if what == "HELP":
        assert not family.help
        family.help = words
    else:
        assert not family.kind
        assert words in KINDS
        family.kind = words
