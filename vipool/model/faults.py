"""Every refusal a caller can meet.

A refusal is an answer, not an accident: it has an HTTP status, a sentence that names the object, the reason and the
way out, and a ``kind`` (the exception name that the Neutron API shows to its clients).  Each API face turns the same
refusal into its own error document.  Nothing here knows about HTTP libraries.
"""

from collections.abc import Sequence
from typing import ClassVar

LONGEST_ECHO = 500
LONGEST_SENTENCE = 4_000


class Refusal(Exception):
    """A request that cannot be granted: a 4xx, 501, 503 or 507 with a sentence."""

    status: ClassVar[int] = 400

    def __init__(self, sentence: str, *, kind: str | None = None) -> None:
        bounded = sentence if len(sentence) <= LONGEST_SENTENCE else sentence[:LONGEST_SENTENCE] + "…"
        super().__init__(bounded)
        self.sentence = bounded
        self.kind = kind or type(self).__name__


def said(value: object) -> str:
    """A value as a sentence can repeat it: bounded in length, and whatever its depth."""
    try:
        text = str(value)
    except RecursionError:
        return "a value that is nested too deeply"
    return text if len(text) <= LONGEST_ECHO else text[:LONGEST_ECHO] + "…"


class Invalid(Refusal):
    """The request is understood and makes no sense (400)."""


class BadAttribute(Invalid):
    """One attribute has a value it cannot have (400)."""

    def __init__(self, attribute: str, value: object, reason: str) -> None:
        super().__init__(f"Invalid input for field/attribute {attribute}. Value: '{said(value)}'. {reason}")
        self.attribute = attribute
        self.value = value
        self.reason = reason


class MissingAttribute(BadAttribute):
    """A mandatory attribute was not given (400)."""

    def __init__(self, attribute: str) -> None:
        super().__init__(attribute, None, "Mandatory field missing.")


class NullAttribute(Invalid):
    """An attribute that must have a value was set to null (400)."""

    def __init__(self, attribute: str) -> None:
        super().__init__(f"None is not a valid option for {attribute}")
        self.attribute = attribute


class UnknownAttributes(Invalid):
    """The body has attributes that do not exist, or that this request may not set (400)."""

    def __init__(self, where: str, names: Sequence[str]) -> None:
        super().__init__(f"Unknown attribute for argument {where}: {', '.join(names)}")
        self.where = where
        self.names = tuple(names)


class BadQuery(Invalid):
    """A query argument is unknown, repeated, or has a value it cannot have (400)."""


class Unauthorized(Refusal):
    """Who is asking is not known (401)."""

    status = 401


class Forbidden(Refusal):
    """Who is asking is known and may not (403)."""

    status = 403


class OverQuota(Refusal):
    """The project has as many of these as it may have (403 in Octavia, 409 in Neutron)."""

    status = 403


class NotFound(Refusal):
    """There is no such object, for this caller (404)."""

    status = 404


class TooSlow(Refusal):
    """The body did not arrive in time (408)."""

    status = 408


class Conflict(Refusal):
    """The request contradicts what is there (409)."""

    status = 409


class PreconditionFailed(Refusal):
    """The object is not as the client expected it to be (412)."""

    status = 412


class Unavailable(Refusal):
    """What the answer needs is not to be had now, and an operator can bring it back (503)."""

    status = 503


class NoRoom(Refusal):
    """There is no space left to keep it (507, RFC 4918, section 11.5); nothing of it was kept."""

    status = 507


class NotServed(Refusal):
    """A valid request that this provider, or this release, cannot carry out (501)."""

    status = 501


def not_found(title: str, identifier: str) -> NotFound:
    """The refusal for an object that does not exist: ``title`` is the noun as Octavia spells it."""
    return NotFound(f"{title} {identifier} not found.", kind=f"{title.replace(' ', '')}NotFound")
