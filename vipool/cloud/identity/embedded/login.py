"""Logging in: from what somebody presents to a token.

Whatever is wrong with the person or the place, the answer is the same sentence, and an unknown user takes as long as a
wrong password.  The exceptions are Keystone's: a token or an application credential that does not exist is 404.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from vipool.cloud.identity.embedded import attempts, finding, guesses, hashes, meaning, naming, tokens, trusts
from vipool.cloud.identity.embedded import authority as authorities
from vipool.model import credential, faults, user
from vipool.store import rows, session

log = logging.getLogger(__name__)
DELEGATED = "You are not authorized to perform the requested action: "


class Challenge(faults.Unauthorized):
    """A 401 that says which methods there are."""

    def __init__(self, sentence: str, methods: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.methods = methods


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Who one proof showed the caller to be, and with what."""

    user: user.User
    method: tokens.Method
    token: meaning.Token | None = None
    key: credential.ApplicationCredential | None = None


class Login:
    """The door: checks proofs, counts failures, makes tokens."""

    def __init__(self, authority: authorities.Authority, checks: hashes.Hashes, failures: guesses.Guesses) -> None:
        self.authority = authority
        self.hashes = checks
        self._failures = failures

    def __call__(self, attempt: attempts.Attempt) -> tuple[str, meaning.Token]:
        """The token of a good attempt; raises faults.Unauthorized, NotFound or Forbidden."""
        if not attempt.proofs:
            raise naming.refused()
        proven = [self._prove(proof, attempt) for proof in attempt.proofs]
        if len({each.user.id for each in proven}) > 1:
            raise naming.refused()
        with self.authority.database.read() as held:
            text, token = self._issue(held, proven, attempt.scope)
        if token.trust is not None and token.trust.remaining_uses is not None:
            with self.authority.writing() as held:
                trusts.use(held, token.trust.id)
        return text, token

    def _prove(self, proof: attempts.Proof, attempt: attempts.Attempt) -> Proven:
        match proof:
            case attempts.Password():
                return self._password(proof, attempt.address)
            case attempts.Held():
                return self._held(proof, attempt.scope)
            case attempts.Key():
                return self._key(proof, attempt)

    def _password(self, proof: attempts.Password, address: str) -> Proven:
        with self.authority.database.read() as held:
            found, claimed = naming.find_user(held, proof.user), naming.claimed(held, proof.user)
        password = proof.password
        if password is None:
            raise naming.refused()
        kept = found.password_hash if found else None
        self.check(claimed, address, lambda: self.hashes.matches(password, kept))
        if found is None:
            raise naming.refused()
        self._renew(found, password)
        return Proven(user=found, method=tokens.Method.PASSWORD)

    def check(self, claimed: str, address: str, right: Callable[[], bool]) -> None:
        """Raise faults.Unauthorized unless right; after too many failures without even looking."""
        with self.authority.database.read() as held:
            now = held.now
        if self._failures.too_many(claimed, address, now):
            log.warning("too many failed logins as %r from %s: turned away", claimed, address)
            raise naming.refused()
        if not right():
            self._failures.failed(claimed, address, now)
            raise naming.refused()
        self._failures.succeeded(claimed, address, now)

    def _renew(self, found: user.User, password: str) -> None:
        """Hash a right password anew where its hash was made with other costs than today's."""
        kept = found.password_hash
        if kept is None or not self.hashes.is_old(kept):
            return
        renewed = self.hashes.chosen(password)
        with self.authority.writing() as held:
            now = rows.get(held, user.User, found.id)
            if now is not None and now.password_hash == kept:
                rows.change(held, user.User, found.id, {"password_hash": renewed})

    def _held(self, proof: attempts.Held, scope: attempts.Scope) -> Proven:
        if not self.authority.recognises(proof.token):
            raise faults.NotFound("Could not recognize Fernet token")
        try:
            found = self.authority.examine(proof.token)
        except faults.Unauthorized as error:
            raise faults.NotFound("Failed to validate token") from error
        if found.credential is not None:
            raise faults.Forbidden(f"{DELEGATED}Using a delegated token to create another token is not allowed..")
        if found.trust is not None:
            raise faults.Forbidden(f"{DELEGATED}A token of a trust does not give another: log in by the trust again.")
        if found.claims.kind is tokens.Kind.SYSTEM and isinstance(scope, attempts.InProject | attempts.InDomain):
            raise faults.Forbidden(f"{DELEGATED}A token for the system does not give one for a project or a domain.")
        return Proven(user=found.user, method=tokens.Method.TOKEN, token=found)

    def _key(self, proof: attempts.Key, attempt: attempts.Attempt) -> Proven:
        with self.authority.database.read() as held:
            found, claimed = naming.find_key(held, proof), naming.claimed_key(held, proof)
            owner = rows.get(held, user.User, found.user_id) if found else None
            over = found is not None and found.expires_at is not None and found.expires_at <= held.now
        secret = proof.secret
        if secret is None:
            raise naming.refused()
        kept = found.secret_hash if found else None
        # An id is no secret; that somebody has a credential of this name is, and must not show in the time it takes.
        matches = self.hashes.matches if proof.id is not None else self.hashes.matches_slowly
        self.check(claimed, attempt.address, lambda: matches(secret, kept))
        if found is None or owner is None or over:
            raise naming.refused()
        if not isinstance(attempt.scope, attempts.Anywhere):
            raise Challenge(
                "Error authenticating with application credential: Application credentials cannot request a scope."
            )
        return Proven(user=owner, method=tokens.Method.APPLICATION_CREDENTIAL, key=found)

    def _issue(self, held: session.Session, proven: list[Proven], scope: attempts.Scope) -> tuple[str, meaning.Token]:
        methods = {
            method for each in proven for method in (each.method, *(each.token.claims.methods if each.token else ()))
        }
        earlier = next((each.token.claims for each in proven if each.token), None)
        key = next((each.key for each in proven if each.key), None)
        somebody = finding.maybe(held, user.User, proven[0].user.id)
        if somebody is None:
            raise naming.refused()
        place = naming.of_key(key) if key else naming.place(held, somebody, scope)
        issued, expires = self.authority.period(held.now)
        ends = (earlier.expires_at if earlier else None, key.expires_at if key else None, place.until)
        claims = tokens.Claims(
            user_id=somebody.id,
            # The epoch at the moment the proof was checked: a password changed meanwhile voids this token too.
            epoch=proven[0].user.epoch,
            methods=tuple(method for method in tokens.Method if method in methods),
            kind=place.kind,
            scope_id=place.id,
            credential_id=key.id if key else "",
            audit_ids=(self.authority.audit_id(), *(earlier.audit_ids[-1:] if earlier else ())),
            issued_at=issued,
            expires_at=min([expires, *(moment for moment in ends if moment is not None)]),
        )
        return self._made(held, claims)

    def _made(self, held: session.Session, claims: tokens.Claims) -> tuple[str, meaning.Token]:
        try:
            return self.authority.issue(held, claims)
        except faults.Unauthorized as error:
            if claims.kind is not tokens.Kind.TRUST:
                raise
            # The caller is known to be the one whom the trust names: it is the trust that is not worth anything.
            raise naming.forbidden() from error
