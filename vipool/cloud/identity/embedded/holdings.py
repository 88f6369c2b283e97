"""Lists of assignments: as they were given, or as they come to count for each user.

To count, a group's roles become those of everybody in it, and a role brings along what it implies.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vipool.cloud.identity.embedded import grants
from vipool.model import group, role
from vipool.store import rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which assignments are wanted; None is any."""

    user_id: str | None = None
    group_id: str | None = None
    role_id: str | None = None
    place: grants.Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One line of the list.

    ``prior_id`` is the role that implies this one, where it was not given itself; ``member_id`` the user that has it
    through the group it was given to.
    """

    assignment: role.Assignment
    role_id: str
    prior_id: str | None = None
    member_id: str | None = None

    @property
    def user_id(self) -> str | None:
        """The user whose role this is; None for a group's own."""
        return self.member_id or (self.assignment.actor_id if self.assignment.actor is role.Actor.USER else None)


def given(held: session.Session, asked: Asked) -> tuple[Holding, ...]:
    """The assignments as they were given."""
    equals: dict[str, object] = {}
    for actor, identifier in ((role.Actor.USER, asked.user_id), (role.Actor.GROUP, asked.group_id)):
        if identifier is not None:
            equals |= {"actor": actor, "actor_id": identifier}
    if asked.role_id is not None:
        equals["role_id"] = asked.role_id
    found = rows.find(held, role.Assignment, **equals, **_where(asked))
    return tuple(Holding(assignment=each, role_id=each.role_id) for each in found)


def effective(held: session.Session, asked: Asked) -> tuple[Holding, ...]:
    """What counts for each user, each role once in each scope; roles of a domain do not count by themselves."""
    whose = {} if asked.user_id is None else {"actor_id": grants.actors(held, asked.user_id)}
    found = rows.find(held, role.Assignment, **whose, **_where(asked))
    rules = grants.inferences(held)
    everybodys = {each.id for each in rows.find(held, role.Role) if each.domain_id is None}
    counting: dict[tuple[str | None, str, str, str], Holding] = {}
    for each, member_id in _people(held, found, asked.user_id):
        for role_id, prior_id in grants.implied(rules, (each.role_id,)).items():
            if role_id in everybodys and asked.role_id in {None, role_id}:
                made = Holding(assignment=each, role_id=role_id, prior_id=prior_id, member_id=member_id)
                counting.setdefault((made.user_id, each.scope, each.scope_id, role_id), made)
    return tuple(counting.values())


def _where(asked: Asked) -> Mapping[str, object]:
    return {} if asked.place is None else {"scope": asked.place.scope, "scope_id": asked.place.id}


def _people(
    held: session.Session, found: Iterable[role.Assignment], only: str | None
) -> Iterator[tuple[role.Assignment, str | None]]:
    """Each user's assignment, and each group's once for everybody in it."""
    for each in found:
        if each.actor is role.Actor.USER:
            yield each, None
            continue
        for member_id in sorted(rows.column(held, group.Membership, "user_id", group_id=each.actor_id)):
            if only in {None, member_id}:
                yield each, member_id
