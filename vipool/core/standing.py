"""What a row of good and bad answers makes of a member that is checked.

Promises: pure; the verdicts are those that HAProxy's own checks reach (configuration manual, section 5.2, `rise` and
`fall`), so that a member fares alike whoever checks it. Asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A member's standing: up from `rise` on. It begins up, and the first bad answer brings it down, as in HAProxy."""

    value: int
    rise: int
    fall: int

    @property
    def up(self) -> bool:
        """Whether it may serve."""
        return self.value >= self.rise

    def after(self, *, good: bool) -> Standing:
        """The standing after one more answer."""
        if good:
            value = self.value + 1
            return self._at(self.rise + self.fall - 1 if value >= self.rise else value)
        value = self.value - 1
        return self._at(value if value >= self.rise else 0)

    def _at(self, value: int) -> Standing:
        if value == self.value:
            return self
        return Standing(value=value, rise=self.rise, fall=self.fall)


def begin(rise: int, fall: int, *, up: bool = True) -> Standing:
    """The standing of a member that was not checked yet, from what was thought of it before."""
    return Standing(value=rise if up else 0, rise=rise, fall=fall)
