"""Which certificates, authorities and revocation lists listeners and pools name.

Pure: values in, references out.  What stands behind them is not looked at here, and values that are no text are passed
over: they are refused where they are parsed.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from vipool.model import tree

BUNDLES = ("default_tls_container_ref", "tls_container_ref")
SERVER_NAMES = "sni_container_refs"
AUTHORITIES = ("client_ca_tls_container_ref", "ca_tls_container_ref")
# Each list of revocations with the authority that must have signed it.
REVOCATIONS = {
    "client_crl_container_ref": "client_ca_tls_container_ref",
    "crl_container_ref": "ca_tls_container_ref",
}
NAMES = frozenset({*BUNDLES, SERVER_NAMES, *AUTHORITIES, *REVOCATIONS})
"""The attributes that hold references."""
Values: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A certificate with its key."""

    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The certificates of an authority."""

    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """A revocation list, and the authority whose it must be."""

    ref: str
    authority: str


Reference: TypeAlias = Bundle | Authority | Revocations


def named(values: Values) -> Iterator[Reference]:
    """Every reference of a row."""
    for name in BUNDLES:
        if ref := _text(values, name):
            yield Bundle(ref=ref)
    several = values.get(SERVER_NAMES)
    for ref in several if isinstance(several, list | tuple) else ():
        if isinstance(ref, str):
            yield Bundle(ref=ref)
    for name in AUTHORITIES:
        if ref := _text(values, name):
            yield Authority(ref=ref)
    for name, by in REVOCATIONS.items():
        ref, authority = _text(values, name), _text(values, by)
        if ref and authority:
            yield Revocations(ref=ref, authority=authority)


def of(row: tree.Row) -> Iterator[Reference]:
    """Every reference of a row that is kept."""
    values = {name: value for name in NAMES if (value := getattr(row, name, None))}
    return named(values) if values else iter(())


def nested(body: Any) -> Iterator[Reference]:
    """Every reference in a body, at whatever depth."""
    left = deque([body])
    while left:
        each = left.popleft()
        if isinstance(each, dict):
            yield from named(each)
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)


def _text(values: Values, name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None
