"""The end of something's life, as clients say it and as Keystone shows it."""

import datetime

from vipool.model import faults, types

UNTIL = types.Timestamp()


def check(text: object, now: datetime.datetime) -> None:
    """Refuse an ``expires_at`` that is no moment, or one that is over; null is never.  Raises faults.Invalid."""
    if text is None:
        return
    try:
        moment = UNTIL.parse(text)
    except ValueError as error:
        raise faults.Invalid("Timestamp not in expected format.") from error
    if moment <= now:
        raise faults.Invalid("The 'expires_at' must not be before now.")


def microseconds(moment: datetime.datetime | None, zone: str = "") -> str | None:
    """A moment with its microseconds."""
    return None if moment is None else moment.isoformat(timespec="microseconds") + zone
