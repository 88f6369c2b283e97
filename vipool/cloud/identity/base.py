"""What vipool needs of an identity service."""

from typing import Protocol

from vipool.model import caller


class Identity(Protocol):
    """Finds out who is asking."""

    def authenticate(self, token: str) -> caller.Caller:
        """The caller a token stands for.  Raises faults.Unauthorized for a bad, expired or revoked one."""
