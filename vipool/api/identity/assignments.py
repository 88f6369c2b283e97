"""The list of assignments: who has which role where, as it was given or as it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, lists, views
from vipool.cloud.identity.embedded import grants, holdings
from vipool.model import domain, faults, group, project, role, user
from vipool.store import rows, session


class Assignments:
    """Handler of ``/v3/role_assignments``."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        path, rule = "/v3/role_assignments", "identity:list_role_assignments"
        return (exchange.Route(method="GET", path=path, policy=rule, handler=self.list),)

    def list(self, call: exchange.Call) -> exchange.Answer:
        """Who has which role where."""
        effective = lists.switch(call, "effective")
        asked = _asked(call, effective=effective)
        listed = holdings.effective if effective else holdings.given
        with self._desk.database.read() as held:
            found = () if asked is None else listed(held, asked)
            names = _names(held, found) if lists.switch(call, "include_names") else None
        return views.many(call, "role_assignments", [_show(call, each, names) for each in found])


def _asked(call: exchange.Call, *, effective: bool) -> holdings.Asked | None:
    """The filters of a list, or None where nothing can match."""
    group_id, user_id = call.asked("group.id"), call.asked("user.id")
    if group_id is not None and effective:
        raise faults.Invalid("Combining effective and group filter will always result in an empty list.")
    if group_id is not None and user_id is not None:
        raise faults.Invalid("An assignment is a user's or a group's: ask for user.id or for group.id.")
    if call.asked("scope.OS-INHERIT:inherited_to") is not None:
        return None  # nothing is inherited
    places = [grants.SYSTEM] if call.asked("scope.system") is not None else []
    for key, made in (("scope.project.id", grants.Place.project), ("scope.domain.id", grants.Place.domain)):
        if (identifier := call.asked(key)) is not None:
            places.append(made(identifier))
    if len(places) > 1:
        raise faults.Invalid("An assignment has one scope: ask for a project, a domain or the system.")
    place = places[0] if places else None
    role_id = call.asked("role.id")
    # PostgreSQL cannot even be asked for a text with NUL in it.
    if any("\x00" in (each or "") for each in (group_id, user_id, role_id, place and place.id)):
        return None
    return holdings.Asked(user_id=user_id, group_id=group_id, role_id=role_id, place=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the ids in a list of assignments stand for."""

    users: Mapping[str, user.User]
    groups: Mapping[str, group.Group]
    projects: Mapping[str, project.Project]
    domains: Mapping[str, domain.Domain]
    roles: Mapping[str, role.Role]

    def inside(self, found: user.User | group.Group | project.Project | None) -> dict[str, Any]:
        """A name with its domain's; nothing for what is not there."""
        return {} if found is None else {"name": found.name, "domain": self._domain(found.domain_id)}

    def of_role(self, identifier: str) -> dict[str, Any]:
        """A role's name, with its domain where it is of one."""
        found = self.roles.get(identifier)
        if found is None:
            return {}
        home = {} if found.domain_id is None else {"domain": self._domain(found.domain_id)}
        return {"name": found.name, **home}

    def _domain(self, identifier: str) -> dict[str, str]:
        home = self.domains.get(identifier)
        return {"id": identifier, "name": home.name if home else ""}


def _names(held: session.Session, found: tuple[holdings.Holding, ...]) -> Names:
    actors = {each.assignment.actor_id for each in found}
    return Names(
        users=rows.find_by_ids(held, user.User, (each.user_id for each in found if each.user_id is not None)),
        groups=rows.find_by_ids(held, group.Group, actors),
        projects=rows.find_by_ids(held, project.Project, (each.assignment.scope_id for each in found)),
        domains={each.id: each for each in rows.find(held, domain.Domain)},
        roles=rows.find_by_ids(held, role.Role, (each.role_id for each in found)),
    )


def _show(call: exchange.Call, found: holdings.Holding, names: Names | None) -> dict[str, Any]:
    what: dict[str, Any] = {"id": found.role_id}
    if names is not None:
        what |= names.of_role(found.role_id)
    return {"links": _links(call, found), "scope": _scope(found.assignment, names), **_who(found, names), "role": what}


def _links(call: exchange.Call, found: holdings.Holding) -> dict[str, str]:
    given, root = found.assignment, views.root(call)
    where = "system" if given.scope is role.Scope.SYSTEM else f"{given.scope}s/{given.scope_id}"
    links: dict[str, str] = {}
    if found.member_id is not None:
        links["membership"] = f"{root}/groups/{given.actor_id}/users/{found.member_id}"
    links["assignment"] = f"{root}/{where}/{given.actor}s/{given.actor_id}/roles/{given.role_id}"
    if found.prior_id is not None:
        # The two ids are in this order in Keystone's replies, too.
        links["prior_role"] = f"{root}/prior_role/{found.role_id}/implies/{found.prior_id}"
    return links


def _who(found: holdings.Holding, names: Names | None) -> dict[str, Any]:
    if found.user_id is None:
        identifier = found.assignment.actor_id
        more = {} if names is None else names.inside(names.groups.get(identifier))
        return {"group": {"id": identifier, **more}}
    more = {} if names is None else names.inside(names.users.get(found.user_id))
    return {"user": {"id": found.user_id, **more}}


def _scope(given: role.Assignment, names: Names | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": given.scope_id}
    match given.scope:
        case role.Scope.SYSTEM:
            return {"system": {"all": True}}
        case role.Scope.PROJECT:
            shown |= {} if names is None else names.inside(names.projects.get(given.scope_id))
        case role.Scope.DOMAIN:
            home = None if names is None else names.domains.get(given.scope_id)
            shown |= {} if home is None else {"name": home.name}
    return {str(given.scope): shown}
