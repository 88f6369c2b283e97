"""What can go wrong on the machine, each with a sentence a person can act on.

Every exception of this room is a `HostError`. Its text says what was being done, to what, and what the system answered.
Nothing here decides whether to try again: that is the loop's business.
"""

from __future__ import annotations

import os


class HostError(Exception):
    """Something of the machine could not be done; `str()` of it is the sentence."""


class Failed(HostError):
    """The kernel or a program refused.

    `number` is the errno, 0 where there is none. `reason` is the system's own words.
    """

    def __init__(self, doing: str, *, number: int = 0, reason: str = "") -> None:
        self.doing = doing
        self.number = number
        self.reason = "; ".join(part for part in (os.strerror(number) if number else "", reason.strip()) if part)
        super().__init__(f"{doing}: {self.reason or 'refused without a reason'}")


class Missing(HostError):
    """A program, library, bridge or namespace that must be there is not; the sentence names the way out."""


class Busy(HostError):
    """Somebody else holds what was asked for; the sentence names the holder."""


class DiskFull(HostError):
    """A file could not be written for want of space, quota or inodes. What was there before is untouched."""
