"""Projects over HTTP, where they are more than other nouns: some are domains, and they form a tree.

A domain is a project of its own, as Keystone has it: found, listed and changed as one by whoever asks for it so.
"""

from collections.abc import Iterable
from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, lists, policy, views
from vipool.cloud.identity.embedded import domains, finding, grants, lineage, projects
from vipool.model import domain, faults, project, role, types
from vipool.store import session


class Projecting:
    """Handlers of projects."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def list(self, call: exchange.Call) -> exchange.Answer:
        """All of them, or those the query asks for; domains only where they are asked for."""
        with self._desk.database.read() as held:
            if (call.asked("is_domain") or "").lower() not in types.TRUE:
                return lists.answer(call, held, project.Project)
            # No domain is in another.
            nowhere = any(call.asked(name) is not None for name in ("domain_id", "parent_id"))
            found, after = lists.select(call, held, domain.Domain, {"id": ()} if nowhere else None)
        return views.many(call, "projects", [views.as_project(call, each) for each in found], after=after)

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One of them, with those above and below it if they are asked for."""
        identifier = call.parts["project_id"]
        with self._desk.database.read() as held:
            found = finding.maybe(held, project.Project, identifier)
            home = finding.maybe(held, domain.Domain, identifier) if found is None else None
            if home is not None:
                return exchange.Answer(body={"project": views.as_project(call, home)})
            known = finding.one(held, project.Project, identifier) if found is None else found
            return exchange.Answer(body={"project": {**views.noun(call, known), **self._around(call, held, known)}})

    def _around(self, call: exchange.Call, held: session.Session, found: project.Project) -> dict[str, Any]:
        """What is above and below a project, as ids inside each other or as a list of those that may be seen."""
        shown: dict[str, Any] = {}
        for name, ids, every in (
            ("parents", lineage.ids_above, lineage.above),
            ("subtree", lineage.ids_below, lineage.below),
        ):
            as_ids, as_list = lists.switch(call, f"{name}_as_ids"), lists.switch(call, f"{name}_as_list")
            if as_ids and as_list:
                raise faults.Invalid(f"{name}_as_ids and {name}_as_list are two ways to say the same: choose one.")
            if as_ids:
                shown[name] = ids(held, found)
            elif as_list:
                shown[name] = [{"project": views.noun(call, each)} for each in _visible(call, held, every(held, found))]
        return shown

    def make(self, call: exchange.Call) -> exchange.Answer:
        """Make a project, or a domain that is asked for as one."""
        body = desk.inside(call, project.Project.NOUN)
        home = self._desk.home(call)
        with self._desk.authority.writing() as held:
            if body.get("is_domain") is True:
                made = domains.create(held, self._desk.new_id(), _of_domain(body))
                return exchange.Answer(status=201, body={"project": views.as_project(call, made)})
            return views.one(call, projects.create(held, self._desk.new_id(), body, home), status=201)

    def change(self, call: exchange.Call) -> exchange.Answer:
        """Change a project, or a domain as one."""
        body, identifier = desk.inside(call, project.Project.NOUN), call.parts["project_id"]
        with self._desk.authority.writing() as held:
            if _is_domain(held, identifier):
                changed = domains.update(held, identifier, _of_domain(body))
                return exchange.Answer(body={"project": views.as_project(call, changed)})
            return views.patched(call, projects.update(held, identifier, body))

    @staticmethod
    def remove(held: session.Session, identifier: str) -> None:
        """Remove a project, or a domain as one."""
        (domains if _is_domain(held, identifier) else projects).delete(held, identifier)


def _is_domain(held: session.Session, identifier: str) -> bool:
    return (
        finding.maybe(held, project.Project, identifier) is None
        and finding.maybe(held, domain.Domain, identifier) is not None
    )


def _of_domain(body: Any) -> dict[str, Any]:
    """What a project's body says of a domain; it has neither a domain nor a parent."""
    for name in ("domain_id", "parent_id"):
        if body.get(name) is not None:
            raise faults.Invalid(f"A project that is a domain has no {name}: leave it out.")
    return {name: value for name, value in body.items() if name not in {"is_domain", "domain_id", "parent_id"}}


def _visible(call: exchange.Call, held: session.Session, found: Iterable[project.Project]) -> Iterable[project.Project]:
    if policy.holds(policy.RULES["identity:get_project"], call.who):
        return found
    own = grants.places(held, call.who.user_id, role.Scope.PROJECT)
    return (each for each in found if each.id in own)
