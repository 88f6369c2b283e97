"""Which of the forms that can be had a client wants: the Accept header (RFC 9110, section 12.5.1).  Pure."""

import re
from collections.abc import Iterator, Sequence

QUALITY = re.compile(r"q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)")


def preferred(accept: str, offers: Sequence[str]) -> str | None:
    """The offer a client likes best, of equal ones the first; None where it takes none of them."""
    ranges = list(_ranges(accept))
    if not ranges:
        return offers[0]
    best = max(offers, key=lambda offer: _quality(offer, ranges))
    return best if _quality(best, ranges) > 0 else None


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for each in accept.lower().split(","):
        media, *parameters = (word.strip() for word in each.split(";"))
        if media:
            told = next((found for word in parameters if (found := QUALITY.fullmatch(word))), None)
            yield media, float(told[1]) if told else 1.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """How much an offer is liked: by the range that names it most exactly."""
    for pattern in (offer, f"{offer.split('/', maxsplit=1)[0]}/*", "*/*"):
        found = [quality for media, quality in ranges if media == pattern]
        if found:
            return max(found)
    return 0.0
