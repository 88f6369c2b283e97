"""Trusts over HTTP (the OS-TRUST extension): who lets whom act where, with which roles."""

from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, lists, policy, views
from vipool.cloud.identity.embedded import finding, trusts
from vipool.model import role, trust
from vipool.store import session

MANY = "/v3/OS-TRUST/trusts"
SINGLE = MANY + "/{trust_id}"
ROLES = SINGLE + "/roles"
PARTIES = ("trustor_user_id", "trustee_user_id")


class Trusting:
    """Handlers of trusts; who may is decided here, where it is known whom a trust names."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", MANY, "list_trusts", self.list),
            ("POST", MANY, "create_trust", self.make),
            ("GET", SINGLE, "get_trust", self.show),
            ("DELETE", SINGLE, "delete_trust", self.delete),
            ("GET", ROLES, "list_roles_for_trust", self.roles),
            ("GET", ROLES + "/{role_id}", "get_role_for_trust", self.role),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
            for method, path, rule, handler in table
        )

    def list(self, call: exchange.Call) -> exchange.Answer:
        """All of them for those who may; for others those in which they are the trustor, or the trustee."""
        mine = any(call.asked(name) == call.who.user_id for name in PARTIES)
        if not mine and not policy.holds(policy.RULES["identity:list_trusts"], call.who):
            raise policy.forbidden("identity:list_trusts")
        with self._desk.database.read() as held:
            found, after = lists.select(call, held, trust.Trust)
        return views.many(call, "trusts", [_linked(call, each) for each in found], after=after)

    def make(self, call: exchange.Call) -> exchange.Answer:
        """Make one: of one's own roles alone."""
        asked = call.body.get("trust") if isinstance(call.body, dict) else None
        trustor = asked.get("trustor_user_id") if isinstance(asked, dict) else None
        if trustor != call.who.user_id:
            raise policy.forbidden("identity:create_trust")
        body = desk.inside(call, trust.Trust.NOUN)
        with self._desk.authority.writing() as held:
            made = trusts.create(held, self._desk.new_id(), body, self._desk.asking(call))
            return _whole(call, held, made, status=201)

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One of them, with its roles."""
        with self._desk.database.read() as held:
            return _whole(call, held, self._known(call, held, "identity:get_trust"))

    def _known(
        self, call: exchange.Call, held: session.Session, rule: str, parties: tuple[str, ...] = PARTIES
    ) -> trust.Trust:
        """The trust, for whom it names and for those who may see any.  Raises faults.NotFound or Forbidden."""
        found = finding.one(held, trust.Trust, call.parts["trust_id"])
        named = {getattr(found, name) for name in parties}
        if call.who.user_id not in named and not policy.holds(policy.RULES[rule], call.who):
            raise policy.forbidden(rule)
        return found

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """Remove one; its tokens stop working at once."""
        with self._desk.authority.writing() as held:
            gone = self._known(call, held, "identity:delete_trust", PARTIES[:1])
            trusts.delete(held, gone.id)
        return exchange.NOTHING

    def roles(self, call: exchange.Call) -> exchange.Answer:
        """Its roles."""
        with self._desk.database.read() as held:
            found = trusts.given(held, self._known(call, held, "identity:list_roles_for_trust"))
        return views.many(call, "roles", [views.noun(call, each) for each in found])

    def role(self, call: exchange.Call) -> exchange.Answer:
        """One of its roles."""
        wanted = call.parts["role_id"]
        with self._desk.database.read() as held:
            found = trusts.given(held, self._known(call, held, "identity:get_role_for_trust"))
        for each in found:
            if each.id == wanted:
                return views.one(call, each)
        raise finding.missing(role.Role, wanted)


def _linked(call: exchange.Call, found: trust.Trust) -> dict[str, Any]:
    return views.linked(call, f"OS-TRUST/trusts/{found.id}", trusts.show(found))


def _whole(call: exchange.Call, held: session.Session, found: trust.Trust, *, status: int = 200) -> exchange.Answer:
    roles = [views.noun(call, each) for each in trusts.given(held, found)]
    shown = _linked(call, found)
    links = {"self": f"{shown['links']['self']}/roles", "next": None, "previous": None}
    return exchange.Answer(status=status, body={"trust": {"roles": roles, **shown, "roles_links": links}})
