"""Roles given to users: giving and taking them in a project, a domain or the system, and listing who has which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, lists, views
from vipool.cloud.identity.embedded import finding, grants
from vipool.model import domain, faults, project, role, user
from vipool.store import rows, session

# Query argument of a list of assignments -> attribute.
FILTERS = {"user.id": "user_id", "role.id": "role_id"}
SCOPES = {"scope.project.id": role.Scope.PROJECT, "scope.domain.id": role.Scope.DOMAIN}


class Assigning:
    """Handlers of grants."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        found = [self._route("GET", "/v3/role_assignments", "list_role_assignments", self.list)]
        for where, suffix in (
            ("/v3/projects/{project_id}", ""),
            ("/v3/domains/{domain_id}", ""),
            ("/v3/system", "_for_user"),
        ):
            kind = "system_grant" if suffix else "grant"
            many = f"{where}/users/{{user_id}}/roles"
            single = many + "/{role_id}"
            found += [
                self._route("GET", many, f"list_{kind}s{suffix}", self.roles),
                self._route("GET", single, f"check_{kind}{suffix}", self.check),
                self._route("PUT", single, f"create_{kind}{suffix}", self.give),
                self._route("DELETE", single, f"revoke_{kind}{suffix}", self.take),
            ]
        return tuple(found)

    def _route(self, method: str, path: str, rule: str, handler: exchange.Handler) -> exchange.Route:
        return exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)

    def roles(self, call: exchange.Call) -> exchange.Answer:
        """The roles a user was given there."""
        with self._desk.database.read() as held:
            finding.one(held, user.User, call.parts["user_id"])
            grants.check_place(held, _place(call))
            found = grants.direct(held, call.parts["user_id"], _place(call))
        return views.many(call, "roles", [views.noun(call, each) for each in found])

    def check(self, call: exchange.Call) -> exchange.Answer:
        """Whether a user was given this one."""
        with self._desk.database.read() as held:
            grants.check(held, call.parts["user_id"], _place(call), call.parts["role_id"])
        return exchange.NOTHING

    def give(self, call: exchange.Call) -> exchange.Answer:
        """Give it."""
        with self._desk.authority.writing() as held:
            grants.give(held, call.parts["user_id"], _place(call), call.parts["role_id"])
        return exchange.NOTHING

    def take(self, call: exchange.Call) -> exchange.Answer:
        """Take it; tokens lose it at once."""
        with self._desk.authority.writing() as held:
            grants.take(held, call.parts["user_id"], _place(call), call.parts["role_id"])
        return exchange.NOTHING

    def list(self, call: exchange.Call) -> exchange.Answer:
        """Who has which role where."""
        effective = lists.switch(call, "effective")
        asked = _asked(call, effective=effective)
        with self._desk.database.read() as held:
            found = () if asked is None else grants.holdings(held, asked, expand=effective)
            names = _names(held, found) if lists.switch(call, "include_names") else None
        return views.many(call, "role_assignments", [_show(call, each, names) for each in found])


def _place(call: exchange.Call) -> grants.Place:
    if "project_id" in call.parts:
        return grants.Place.project(call.parts["project_id"])
    if "domain_id" in call.parts:
        return grants.Place.domain(call.parts["domain_id"])
    return grants.SYSTEM


def _asked(call: exchange.Call, *, effective: bool) -> dict[str, str] | None:
    """The filters of a list, or None where nothing can match."""
    if call.asked("group.id") is not None:
        if effective:
            raise faults.Invalid("Combining effective and group filter will always result in an empty list.")
        if call.asked("user.id") is not None:
            raise faults.Invalid("An assignment is a user's or a group's: ask for user.id or for group.id.")
        return None  # there are no groups
    if call.asked("scope.OS-INHERIT:inherited_to") is not None:
        return None  # nothing is inherited
    asked = {name: value for key, name in FILTERS.items() if (value := call.asked(key)) is not None}
    places = [(scope, value) for key, scope in SCOPES.items() if (value := call.asked(key)) is not None]
    if call.asked("scope.system") is not None:
        places.append((role.Scope.SYSTEM, role.SYSTEM))
    if len(places) > 1:
        raise faults.Invalid("An assignment has one scope: ask for a project, a domain or the system.")
    for scope, identifier in places:
        asked |= {"scope": str(scope), "scope_id": identifier}
    return None if any("\x00" in value for value in asked.values()) else asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the ids in a list of assignments stand for."""

    users: Mapping[str, user.User]
    projects: Mapping[str, project.Project]
    domains: Mapping[str, domain.Domain]
    roles: Mapping[str, role.Role]

    def inside(self, found: user.User | project.Project) -> dict[str, Any]:
        """A name with its domain's."""
        home = self.domains.get(found.domain_id)
        return {"name": found.name, "domain": {"id": found.domain_id, "name": home.name if home else ""}}


def _names(held: session.Session, found: tuple[grants.Holding, ...]) -> Names:
    users = rows.find_by_ids(held, user.User, (each.assignment.user_id for each in found))
    projects = rows.find_by_ids(held, project.Project, (each.assignment.scope_id for each in found))
    roles = rows.find_by_ids(held, role.Role, (each.role_id for each in found))
    return Names(
        users=users, projects=projects, domains={each.id: each for each in rows.find(held, domain.Domain)}, roles=roles
    )


def _show(call: exchange.Call, found: grants.Holding, names: Names | None) -> dict[str, Any]:
    given = found.assignment
    where = "system" if given.scope is role.Scope.SYSTEM else f"{given.scope}s/{given.scope_id}"
    links = {"assignment": f"{views.root(call)}/{where}/users/{given.user_id}/roles/{given.role_id}"}
    if found.prior_id is not None:
        # The two ids are in this order in Keystone's replies, too.
        links["prior_role"] = f"{views.root(call)}/prior_role/{found.role_id}/implies/{found.prior_id}"
    somebody: dict[str, Any] = {"id": given.user_id}
    what: dict[str, Any] = {"id": found.role_id}
    if names is not None:
        if given.user_id in names.users:
            somebody |= names.inside(names.users[given.user_id])
        if found.role_id in names.roles:
            what["name"] = names.roles[found.role_id].name
    return {"links": links, "scope": _scope(given, names), "user": somebody, "role": what}


def _scope(given: role.Assignment, names: Names | None) -> dict[str, Any]:
    if given.scope is role.Scope.SYSTEM:
        return {"system": {"all": True}}
    shown: dict[str, Any] = {"id": given.scope_id}
    if names is not None and given.scope_id in names.projects:
        shown |= names.inside(names.projects[given.scope_id])
    if names is not None and given.scope is role.Scope.DOMAIN and given.scope_id in names.domains:
        shown["name"] = names.domains[given.scope_id].name
    return {str(given.scope): shown}
