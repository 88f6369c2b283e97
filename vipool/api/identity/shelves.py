"""What projects, users, groups, domains and roles have in common: being listed, shown, made, changed and removed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from vipool.api import exchange
from vipool.api.identity import desk, lists, views
from vipool.api.identity import projecting as projectings
from vipool.cloud.identity.embedded import domains, finding, groups, roles, users
from vipool.model import attr, domain, group, project, role, user
from vipool.store import session

Delete: TypeAlias = Callable[[session.Session, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The handlers of one noun: ``/v3/<collection>`` and ``/v3/<collection>/{<noun>_id}``."""

    desk: desk.Desk
    cls: type[attr.Resource]
    create: exchange.Handler
    update: exchange.Handler
    remove: Delete
    listed: exchange.Handler | None = None  # where lists and single objects are more than their attributes
    shown: exchange.Handler | None = None

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        noun = self.cls.NOUN
        single = f"/v3/{noun.collection}/{{{noun.wrapper}_id}}"
        table = (
            ("GET", f"/v3/{noun.collection}", f"list_{noun.collection}", self.listed or self.list),
            ("POST", f"/v3/{noun.collection}", f"create_{noun.wrapper}", self.create),
            ("GET", single, f"get_{noun.wrapper}", self.shown or self.show),
            ("PATCH", single, f"update_{noun.wrapper}", self.update),
            ("DELETE", single, f"delete_{noun.wrapper}", self.delete),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
            for method, path, rule, handler in table
        )

    def _id(self, call: exchange.Call) -> str:
        return call.parts[f"{self.cls.NOUN.wrapper}_id"]

    def list(self, call: exchange.Call) -> exchange.Answer:
        """All of them, or those the query asks for."""
        # Roles of a domain are listed only when asked for.
        only = {"domain_id": (None,)} if self.cls is role.Role and call.asked("domain_id") is None else None
        with self.desk.database.read() as held:
            return lists.answer(call, held, self.cls, only)

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One of them."""
        with self.desk.database.read() as held:
            return views.one(call, finding.one(held, self.cls, self._id(call)))

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """Remove one."""
        with self.desk.authority.writing() as held:
            self.remove(held, self._id(call))
        return exchange.NOTHING


def all_of_them(tools: desk.Desk) -> tuple[Shelf, ...]:
    """The shelves."""
    makers, projecting = Makers(tools), projectings.Projecting(tools)
    return (
        Shelf(
            desk=tools,
            cls=project.Project,
            create=projecting.make,
            update=projecting.change,
            remove=projecting.remove,
            listed=projecting.list,
            shown=projecting.show,
        ),
        Shelf(desk=tools, cls=user.User, create=makers.user, update=makers.change_user, remove=users.delete),
        Shelf(desk=tools, cls=group.Group, create=makers.group, update=makers.change_group, remove=groups.delete),
        Shelf(desk=tools, cls=domain.Domain, create=makers.domain, update=makers.change_domain, remove=domains.delete),
        Shelf(desk=tools, cls=role.Role, create=makers.role, update=makers.change_role, remove=roles.delete),
    )


class Makers:
    """The handlers that differ: making and changing."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def user(self, call: exchange.Call) -> exchange.Answer:
        """Make a user."""
        body = desk.inside(call, user.User.NOUN)
        hashed, home = self._hashed(body), self._desk.home(call)
        with self._desk.authority.writing() as held:
            return views.one(call, users.create(held, self._desk.new_id(), body, home, hashed), status=201)

    def change_user(self, call: exchange.Call) -> exchange.Answer:
        """Change a user."""
        body = desk.inside(call, user.User.NOUN)
        hashed = self._hashed(body)
        with self._desk.authority.writing() as held:
            return views.patched(call, users.update(held, call.parts["user_id"], body, hashed))

    def _hashed(self, body: Any) -> str | None:
        password = users.password(body)
        return None if password is None else self._desk.hashes.chosen(password)

    def group(self, call: exchange.Call) -> exchange.Answer:
        """Make a group."""
        body, home = desk.inside(call, group.Group.NOUN), self._desk.home(call)
        with self._desk.authority.writing() as held:
            return views.one(call, groups.create(held, self._desk.new_id(), body, home), status=201)

    def change_group(self, call: exchange.Call) -> exchange.Answer:
        """Change a group."""
        body = desk.inside(call, group.Group.NOUN)
        with self._desk.authority.writing() as held:
            return views.patched(call, groups.update(held, call.parts["group_id"], body))

    def domain(self, call: exchange.Call) -> exchange.Answer:
        """Make a domain."""
        body = desk.inside(call, domain.Domain.NOUN)
        with self._desk.authority.writing() as held:
            return views.one(call, domains.create(held, self._desk.new_id(), body), status=201)

    def change_domain(self, call: exchange.Call) -> exchange.Answer:
        """Change a domain."""
        body = desk.inside(call, domain.Domain.NOUN)
        with self._desk.authority.writing() as held:
            return views.patched(call, domains.update(held, call.parts["domain_id"], body))

    def role(self, call: exchange.Call) -> exchange.Answer:
        """Make a role."""
        body = desk.inside(call, role.Role.NOUN)
        with self._desk.authority.writing() as held:
            return views.one(call, roles.create(held, self._desk.new_id(), body), status=201)

    def change_role(self, call: exchange.Call) -> exchange.Answer:
        """Change a role."""
        body = desk.inside(call, role.Role.NOUN)
        with self._desk.authority.writing() as held:
            return views.patched(call, roles.update(held, call.parts["role_id"], body))
