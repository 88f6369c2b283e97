"""Which roles imply which, over HTTP."""

from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, views
from vipool.cloud.identity.embedded import finding, grants, roles
from vipool.model import role
from vipool.store import rows

MANY = "/v3/roles/{role_id}/implies"
SINGLE = MANY + "/{implied_role_id}"


class Implying:
    """Handlers of role inference rules."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", "/v3/role_inferences", "list_role_inference_rules", self.everything),
            ("GET", MANY, "list_implied_roles", self.list),
            ("GET", SINGLE, "get_implied_role", self.show),
            ("PUT", SINGLE, "create_implied_role", self.add),
            ("DELETE", SINGLE, "delete_implied_role", self.remove),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
            for method, path, rule, handler in table
        )

    def everything(self, call: exchange.Call) -> exchange.Answer:
        """Every rule, grouped by the prior role."""
        with self._desk.database.read() as held:
            rules = grants.inferences(held)
            known = {each.id: each for each in rows.find(held, role.Role)}
        shown = [
            {"prior_role": _brief(call, known[prior]), "implies": [_brief(call, known[each]) for each in implied]}
            for prior, implied in rules.items()
        ]
        return exchange.Answer(body={"role_inferences": shown})

    def list(self, call: exchange.Call) -> exchange.Answer:
        """The rules of one prior role."""
        with self._desk.database.read() as held:
            prior = finding.one(held, role.Role, call.parts["role_id"])
            implied = [finding.one(held, role.Role, each) for each in grants.inferences(held).get(prior.id, ())]
        return _answer(call, prior, [_brief(call, each) for each in implied])

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One rule; to HEAD, that there is one."""
        with self._desk.database.read() as held:
            prior, implied = roles.rule(held, call.parts["role_id"], call.parts["implied_role_id"])
        return exchange.NOTHING if call.method == "HEAD" else _answer(call, prior, _brief(call, implied))

    def add(self, call: exchange.Call) -> exchange.Answer:
        """Make one role imply another."""
        with self._desk.authority.writing() as held:
            prior, implied = roles.imply(held, call.parts["role_id"], call.parts["implied_role_id"])
        return _answer(call, prior, _brief(call, implied), status=201)

    def remove(self, call: exchange.Call) -> exchange.Answer:
        """Remove a rule."""
        with self._desk.authority.writing() as held:
            roles.imply_no_more(held, call.parts["role_id"], call.parts["implied_role_id"])
        return exchange.NOTHING


def _brief(call: exchange.Call, found: role.Role) -> dict[str, Any]:
    return {"id": found.id, "links": {"self": f"{views.root(call)}/roles/{found.id}"}, "name": found.name}


def _answer(call: exchange.Call, prior: role.Role, implies: Any, *, status: int = 200) -> exchange.Answer:
    body = {"role_inference": {"prior_role": _brief(call, prior), "implies": implies}, "links": {"self": call.url}}
    return exchange.Answer(status=status, body=body)
