"""Roles given to users and groups, in a project, a domain or the system."""

from vipool.api import exchange
from vipool.api.identity import desk, views
from vipool.cloud.identity.embedded import grants


class Assigning:
    """Handlers of grants."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        found: list[exchange.Route] = []
        for where in ("/v3/projects/{project_id}", "/v3/domains/{domain_id}", "/v3/system"):
            for who in ("user", "group"):
                kind, suffix = ("system_grant", f"_for_{who}") if where == "/v3/system" else ("grant", "")
                many = f"{where}/{who}s/{{{who}_id}}/roles"
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
        """The roles somebody was given there."""
        who, place = _holder(call), _place(call)
        with self._desk.database.read() as held:
            grants.check_holder(held, who)
            grants.check_place(held, place)
            found = grants.direct(held, who, place)
        return views.many(call, "roles", [views.noun(call, each) for each in found])

    def check(self, call: exchange.Call) -> exchange.Answer:
        """Whether somebody was given this one."""
        with self._desk.database.read() as held:
            grants.check(held, _holder(call), _place(call), call.parts["role_id"])
        return exchange.NOTHING

    def give(self, call: exchange.Call) -> exchange.Answer:
        """Give it."""
        with self._desk.authority.writing() as held:
            grants.give(held, _holder(call), _place(call), call.parts["role_id"])
        return exchange.NOTHING

    def take(self, call: exchange.Call) -> exchange.Answer:
        """Take it; tokens lose it at once."""
        with self._desk.authority.writing() as held:
            grants.take(held, _holder(call), _place(call), call.parts["role_id"])
        return exchange.NOTHING


def _holder(call: exchange.Call) -> grants.Holder:
    if "group_id" in call.parts:
        return grants.Holder.group(call.parts["group_id"])
    return grants.Holder.user(call.parts["user_id"])


def _place(call: exchange.Call) -> grants.Place:
    if "project_id" in call.parts:
        return grants.Place.project(call.parts["project_id"])
    if "domain_id" in call.parts:
        return grants.Place.domain(call.parts["domain_id"])
    return grants.SYSTEM
