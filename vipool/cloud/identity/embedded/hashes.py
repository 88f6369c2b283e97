"""Passwords and secrets as they are kept: never in clear, slow to guess.

What people choose is hashed with argon2id (RFC 9106); the secrets vipool itself makes have 512 random bits, which
nobody guesses, and take one round of SHA-256.  Checking costs the same whether or not there is anything to check.
"""

import hashlib
import hmac
import os
import threading

import argon2

# 19 MiB and two passes: the least that OWASP's password storage page recommends; about 25 ms on the machines tried.
PASSES = 2
MEMORY_KIB = 19_456
# Longer passwords would only be a way to keep the processor busy.
LONGEST = 4096
# Each check holds MEMORY_KIB: a flood of logins waits here instead of filling the memory.
AT_ONCE = max(1, os.cpu_count() or 1)
MADE = "sha256$"


class Hashes:
    """Makes hashes and checks against them.  ``passes`` and ``memory_kib`` are argon2's time and memory cost."""

    def __init__(self, *, passes: int = PASSES, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._hasher.hash(os.urandom(16))

    def chosen(self, password: str) -> str:
        """The hash of a password somebody chose."""
        with self._turns:
            return self._hasher.hash(password)

    def made(self, secret: str) -> str:
        """The hash of a secret that vipool made from at least 256 random bits."""
        return MADE + hashlib.sha256(secret.encode()).hexdigest()

    def matches(self, password: str, kept: str | None) -> bool:
        """Whether the password is the one behind the hash; with no hash it takes as long and is never so."""
        if kept is not None and kept.startswith(MADE):
            return hmac.compare_digest(kept, self.made(password))
        try:
            with self._turns:
                self._hasher.verify(kept or self._nobody, password[:LONGEST])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return kept is not None and len(password) <= LONGEST

    def matches_slowly(self, secret: str, kept: str | None) -> bool:
        """As ``matches``; a secret that vipool made takes as long as one that somebody chose, or none."""
        if kept is None or not kept.startswith(MADE):
            return self.matches(secret, kept)
        self.matches(secret, None)
        return self.matches(secret, kept)

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other costs than today's, so that a right password should be hashed anew."""
        return not kept.startswith(MADE) and self._hasher.check_needs_rehash(kept)
