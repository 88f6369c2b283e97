"""The rules of QoS policies over HTTP, below the policy they belong to, and the kinds of rule there are."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.network import bodies, policy, queries
from vipool.cloud.network.embedded import policies, visible
from vipool.model import attr, faults, qospolicy, qosrule
from vipool.store import listing, rows, session

Kind = type[qosrule.QosRule]
FLAGS = frozenset({"all_rules", "all_supported"})


@dataclass(frozen=True, slots=True, kw_only=True)
class QosRules:
    """The handlers, over a store."""

    database: session.Database
    new_id: Callable[[], str]

    def routes(self) -> Iterator[exchange.Route]:
        """The rows of the table."""
        yield exchange.Route(method="GET", path="/v2.0/qos/rule-types", policy="read", handler=rule_types)
        yield exchange.Route(method="GET", path="/v2.0/qos/rule-types/{type}", policy="read", handler=rule_type)
        for cls in qosrule.KINDS:
            many = f"/v2.0/qos/policies/{{policy_id}}/{cls.NOUN.collection}"
            single = many + "/{rule_id}"
            for method, path, handler in (
                ("GET", many, self.index),
                ("POST", many, self.create),
                ("GET", single, self.show),
                ("PUT", single, self.update),
                ("DELETE", single, self.delete),
            ):
                rule = "read" if method == "GET" else "write"
                bound = functools.partial(handler, cls=cls)
                yield exchange.Route(method=method, path=path, policy=rule, handler=bound)

    def _policy(self, held: session.Session, call: exchange.Call) -> qospolicy.QosPolicy:
        identifier = call.parts["policy_id"]
        return visible.need(
            visible.get(held, call.who, qospolicy.QosPolicy, identifier), qospolicy.QosPolicy, identifier
        )

    def _rule(
        self, held: session.Session, call: exchange.Call, cls: Kind
    ) -> tuple[qospolicy.QosPolicy, qosrule.QosRule]:
        of, identifier = self._policy(held, call), call.parts["rule_id"]
        found = rows.get(held, cls, identifier) if _reads(call, of) else None
        if found is None or found.qos_policy_id != of.id:
            raise faults.NotFound(
                f"QoS rule {identifier} for policy {of.id} could not be found.", kind="QosRuleNotFound"
            )
        return of, found

    def index(self, call: exchange.Call, cls: Kind) -> exchange.Answer:
        """The rules of one kind; to who only may use the policy none, as Neutron has it: the policy shows them."""
        with self.database.read() as held:
            of = self._policy(held, call)
            query = queries.parse(cls, call)
            mine = dataclasses.replace(query, equals={**query.equals, "qos_policy_id": (of.id,)})
            found = listing.select(held, cls, mine) if _reads(call, of) else ()
        shown = queries.fields(call, [attr.show(each) for each in found])
        return exchange.Answer(body={cls.NOUN.collection: shown})

    def show(self, call: exchange.Call, cls: Kind) -> exchange.Answer:
        """One rule."""
        with self.database.read() as held:
            return _answer(self._rule(held, call, cls)[1])

    def create(self, call: exchange.Call, cls: Kind) -> exchange.Answer:
        """A new rule."""
        values = attr.parse_create(cls, bodies.single(call, cls))
        with self.database.write() as held:
            of = self._policy(held, call)
            _check_may(call, "create", cls)
            made = cls.build({**values, "id": self.new_id(), "qos_policy_id": of.id})
            policies.add_rule(held, of, made)
        return _answer(made, status=201)

    def update(self, call: exchange.Call, cls: Kind) -> exchange.Answer:
        """A changed rule."""
        values = attr.parse_update(cls, bodies.single(call, cls))
        with self.database.write() as held:
            of, before = self._rule(held, call, cls)
            _check_may(call, "update", cls)
            after = before.having(values)
            policies.change_rule(held, of, after)
        return _answer(after)

    def delete(self, call: exchange.Call, cls: Kind) -> exchange.Answer:
        """A rule removed."""
        with self.database.write() as held:
            of, gone = self._rule(held, call, cls)
            _check_may(call, "delete", cls)
            policies.remove_rule(held, of, gone)
        return exchange.NOTHING


def _reads(call: exchange.Call, of: qospolicy.QosPolicy) -> bool:
    return call.who.is_admin or call.who.owns(of.project_id)


def _check_may(call: exchange.Call, verb: str, cls: Kind) -> None:
    if not call.who.is_admin:
        raise policy.disallowed(f"{verb}_policy_{cls.NOUN.wrapper}")


def _answer(rule: qosrule.QosRule, *, status: int = 200) -> exchange.Answer:
    return exchange.Answer(status=status, body={rule.NOUN.wrapper: attr.show(rule)})


def rule_types(call: exchange.Call) -> exchange.Answer:
    """The kinds of rule there are."""
    shown = [{"type": qosrule.kind(cls)} for cls in qosrule.KINDS]
    # Neutron can be asked for those that all, or only some of its drivers know; here none does, and all are kept.
    asked = dataclasses.replace(call, query=tuple(each for each in call.query if each[0] not in FLAGS))
    return exchange.Answer(body={"rule_types": queries.among(asked, shown)})


def rule_type(call: exchange.Call) -> exchange.Answer:
    """One kind of rule, and who enforces it: nobody yet."""
    if not call.who.is_admin:
        raise policy.disallowed("get_rule_type")
    name = call.parts["type"]
    if name not in map(qosrule.kind, qosrule.KINDS):
        raise faults.NotFound(f"QoS rule type {name} could not be found.", kind="QosRuleTypeNotFound")
    return exchange.Answer(body={"rule_type": {"type": name, "drivers": []}})
