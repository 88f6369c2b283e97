"""Who has which roles: giving, taking, listing, and what roles imply."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vipool.cloud.identity.embedded import finding
from vipool.model import domain, faults, project, role, user
from vipool.store import listing, rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A scope somebody can have roles in: a project, a domain, or the system."""

    scope: role.Scope
    id: str

    @classmethod
    def project(cls, identifier: str) -> "Place":
        """A project."""
        return cls(scope=role.Scope.PROJECT, id=identifier)

    @classmethod
    def domain(cls, identifier: str) -> "Place":
        """A domain."""
        return cls(scope=role.Scope.DOMAIN, id=identifier)


SYSTEM = Place(scope=role.Scope.SYSTEM, id=role.SYSTEM)


def direct(held: session.Session, user_id: str, place: Place) -> tuple[role.Role, ...]:
    """The roles a user was given there, in order of their names."""
    given = rows.find(held, role.Assignment, user_id=user_id, scope=place.scope, scope_id=place.id)
    return _sorted(rows.find_by_ids(held, role.Role, (each.role_id for each in given)).values())


def effective(held: session.Session, user_id: str, place: Place) -> tuple[role.Role, ...]:
    """The roles a user's token shows there: those given and those implied, without roles of a domain."""
    given = rows.find(held, role.Assignment, user_id=user_id, scope=place.scope, scope_id=place.id)
    if not given:
        return ()
    identifiers = implied(inferences(held), (each.role_id for each in given))
    found = rows.find_by_ids(held, role.Role, identifiers)
    return _sorted(each for each in found.values() if each.domain_id is None)


def _sorted(roles: Iterable[role.Role]) -> tuple[role.Role, ...]:
    return tuple(sorted(roles, key=lambda each: (each.name, each.id)))


def inferences(held: session.Session) -> dict[str, tuple[str, ...]]:
    """For each prior role the roles it implies directly."""
    found: dict[str, tuple[str, ...]] = {}
    for each in rows.find(held, role.Inference):
        found[each.prior_role_id] = (*found.get(each.prior_role_id, ()), each.implied_role_id)
    return found


def implied(rules: Mapping[str, tuple[str, ...]], role_ids: Iterable[str]) -> dict[str, str | None]:
    """Every role that comes with these, each with the role that implied it, or None for those given themselves."""
    found: dict[str, str | None] = dict.fromkeys(role_ids)
    waiting = list(found)
    while waiting:
        prior = waiting.pop()
        for each in rules.get(prior, ()):
            if each not in found:
                found[each] = prior
                waiting.append(each)
    return found


def give(held: session.Session, user_id: str, place: Place, role_id: str) -> None:
    """Give a user a role; nothing happens if it has it.  Raises faults.NotFound."""
    _check(held, user_id, place, role_id)
    identifier = _identifier(user_id, place, role_id)
    if rows.get(held, role.Assignment, identifier) is None:
        rows.add(
            held,
            role.Assignment(id=identifier, user_id=user_id, scope=place.scope, scope_id=place.id, role_id=role_id),
        )


def take(held: session.Session, user_id: str, place: Place, role_id: str) -> None:
    """Take a role from a user; raises faults.NotFound if it does not have it."""
    check(held, user_id, place, role_id)
    rows.remove(held, role.Assignment, _identifier(user_id, place, role_id))


def check(held: session.Session, user_id: str, place: Place, role_id: str) -> None:
    """Raise faults.NotFound unless the user was given this very role."""
    _check(held, user_id, place, role_id)
    if rows.get(held, role.Assignment, _identifier(user_id, place, role_id)) is None:
        raise faults.NotFound(
            f"Could not find role assignment with role: {role_id}, user or group: {user_id}, "
            f"project, domain, or system: {place.id}."
        )


def _check(held: session.Session, user_id: str, place: Place, role_id: str) -> None:
    finding.one(held, role.Role, role_id)
    finding.one(held, user.User, user_id)
    check_place(held, place)


def check_place(held: session.Session, place: Place) -> None:
    """Raise faults.NotFound for a project or domain that does not exist."""
    if place.scope is role.Scope.PROJECT:
        finding.one(held, project.Project, place.id)
    elif place.scope is role.Scope.DOMAIN:
        finding.one(held, domain.Domain, place.id)


def _identifier(user_id: str, place: Place, role_id: str) -> str:
    words = "\n".join((user_id, place.scope, place.id, role_id))
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def forget(held: session.Session, **equals: str) -> None:
    """Remove every assignment with these values, because what they name is being removed."""
    rows.remove(held, role.Assignment, *(each.id for each in rows.find(held, role.Assignment, **equals)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One line of a list of assignments; ``prior_id`` is the role that implies it, where it was not given itself."""

    assignment: role.Assignment
    role_id: str
    prior_id: str | None = None


def holdings(held: session.Session, asked: Mapping[str, str], *, expand: bool) -> tuple[Holding, ...]:
    """The assignments with these values; with ``expand`` the implied ones too, without roles of a domain."""
    wanted = {name: value for name, value in asked.items() if name != "role_id" or not expand}
    given = listing.select(
        held, role.Assignment, listing.Query(equals={name: (value,) for name, value in wanted.items()})
    )
    if not expand:
        return tuple(Holding(assignment=each, role_id=each.role_id) for each in given)
    rules = inferences(held)
    everybodys = {each.id for each in rows.find(held, role.Role) if each.domain_id is None}
    found = {
        (each.user_id, each.scope, each.scope_id, role_id): Holding(assignment=each, role_id=role_id, prior_id=prior_id)
        for each in given
        for role_id, prior_id in implied(rules, (each.role_id,)).items()
        if role_id in everybodys and asked.get("role_id", role_id) == role_id
    }
    return tuple(found.values())
