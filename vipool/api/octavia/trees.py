"""The objects of load balancers' trees over HTTP: handlers that join bodies, services and views."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.octavia import asking, listing
from vipool.model import (
    attr,
    faults,
    l7policy,
    l7rule,
    loadbalancer,
    member,
    pool,
    status,
    tree,
    types,
)
from vipool.service import act, read, views, write
from vipool.store import rows, session
from vipool.store import trees as kept

Noun = type[tree.Row]
Root = loadbalancer.LoadBalancer
Nested = type[member.Member] | type[l7rule.L7Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """What a nested row stands under in its path: whose child it is, and the attribute that says so.

    ``called`` is the name in the refusal of a parent that is not there.
    """

    cls: type[pool.Pool] | type[l7policy.L7Policy]
    key: str
    called: str


ABOVE: Mapping[type[Any], Above] = {
    member.Member: Above(cls=pool.Pool, key="pool_id", called="Pool"),
    l7rule.L7Rule: Above(cls=l7policy.L7Policy, key="l7policy_id", called="L7Policy"),
}


class Unfound(faults.NotFound):
    """A parent in the path that does not exist: Octavia answers it before its controllers, with an odd title."""


def policy_noun(cls: type[attr.Resource]) -> str:
    """How the policy calls a kind of object."""
    return "l7rule" if cls is l7rule.L7Rule else cls.NOUN.wrapper


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """The handlers, over a store and a writer."""

    desk: asking.Desk
    writer: write.Writer

    @property
    def database(self) -> session.Database:
        """Where objects are kept."""
        return self.writer.database

    def _act(self, call: exchange.Call, cls: type[attr.Resource], verb: str, *also: str) -> act.Act:
        return self.desk.act(call, policy_noun(cls), verb, *also)

    # Collections

    def index(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A list, of everything the caller may see or of one project."""
        return self._list(call, cls, self.desk.scope(call, policy_noun(cls)))

    def index_below(self, call: exchange.Call, cls: Nested) -> exchange.Answer:
        """The members of a pool, or the rules of an L7 policy."""
        self._check_above(call, cls, "get_all")
        key = ABOVE[cls].key
        return self._list(call, cls, {key: (call.parts[key],)})

    def _list(self, call: exchange.Call, cls: Noun, scope: Mapping[str, tuple[str, ...]]) -> exchange.Answer:
        query = listing.parse(cls, call, most=self.desk.most, extra=read.computed(cls))
        with self.database.read() as held:
            found = read.page(held, cls, listing.within(held, cls, query, scope))
            shown = read.seen(held, cls, found)
        return listing.answer(call, query, cls.NOUN, found, shown)

    # Objects

    def show(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """One object."""
        with self.database.read() as held:
            row = read.one(held, self._act(call, cls, "get_one"), cls, call.parts["id"])
            above = ABOVE.get(cls)
            if above is not None and getattr(row, above.key) != call.parts[above.key]:
                raise faults.not_found(cls.NOUN.title, row.id)
            seen = read.seen(held, cls, (row,))
        shown = listing.fields(call, seen)[0]
        return exchange.Answer(body={cls.NOUN.wrapper: shown}, awaits=_awaits(row, seen[0]))

    def create_root(self, call: exchange.Call) -> exchange.Answer:
        """POST loadbalancers: alone or with its whole tree."""
        body = asking.body(call, Root.NOUN)
        also = ("post:vip_sg_ids",) if body.get("vip_sg_ids") else ()
        whole = self.writer.create_root(self._act(call, Root, "post", *also), body)
        return exchange.Answer(status=201, body={"loadbalancer": views.expanded(whole)})

    def update_root(self, call: exchange.Call) -> exchange.Answer:
        """PUT loadbalancers/{id}."""
        body = asking.body(call, Root.NOUN)
        also = ("put:vip_sg_ids",) if body.get("vip_sg_ids") else ()
        whole = self.writer.update_root(self._act(call, Root, "put", *also), call.parts["id"], body)
        return exchange.Answer(body={"loadbalancer": views.in_tree(whole, whole.loadbalancer)})

    def delete_root(self, call: exchange.Call) -> exchange.Answer:
        """DELETE loadbalancers/{id}?cascade=."""
        asking.only(call, "cascade")
        cascade = (call.asked("cascade") or "").lower() in types.TRUE
        self.writer.delete_root(self._act(call, Root, "delete"), call.parts["id"], cascade=cascade)
        return exchange.NOTHING

    def fail_over(self, call: exchange.Call) -> exchange.Answer:
        """PUT loadbalancers/{id}/failover; whatever body it has says nothing."""
        asking.only(call)
        self.writer.fail_over(self._act(call, Root, "put_failover"), call.parts["id"])
        return exchange.Answer(status=202, empty=True)

    def create(self, call: exchange.Call, cls: type[tree.Child]) -> exchange.Answer:
        """POST of a listener, pool, health monitor or L7 policy."""
        whole, identifier = self.writer.create(self._act(call, cls, "post"), cls, asking.body(call, cls.NOUN))
        return _shown(whole, cls, identifier, code=201)

    def create_below(self, call: exchange.Call, cls: Nested) -> exchange.Answer:
        """POST of a member or a rule, under the parent that the path names."""
        self._check_above(call, cls, "post")
        above = call.parts[ABOVE[cls].key]
        body = asking.body(call, cls.NOUN)
        whole, identifier = self.writer.create_below(self._act(call, cls, "post"), cls, above, body)
        return _shown(whole, cls, identifier, code=201)

    def update(self, call: exchange.Call, cls: type[tree.Child]) -> exchange.Answer:
        """PUT of anything below a load balancer."""
        self._check_place(call, cls, "put")
        identifier = call.parts["id"]
        whole = self.writer.update(self._act(call, cls, "put"), cls, identifier, asking.body(call, cls.NOUN))
        return _shown(whole, cls, identifier)

    def delete(self, call: exchange.Call, cls: type[tree.Child]) -> exchange.Answer:
        """DELETE of anything below a load balancer."""
        asking.only(call)
        self._check_place(call, cls, "delete")
        self.writer.delete(self._act(call, cls, "delete"), cls, call.parts["id"])
        return exchange.NOTHING

    def replace_members(self, call: exchange.Call) -> exchange.Answer:
        """PUT pools/{pool_id}/members: all of them at once."""
        cls = member.Member
        self._check_above(call, cls, "put")
        asking.only(call, "additive_only")
        additive = (call.asked("additive_only") or "").lower() in types.TRUE
        bodies = asking.objects(call, "members", "members_")
        also = ("put",) if additive else ("put", "delete")
        self.writer.replace_members(
            self._act(call, cls, "post", *also), call.parts["pool_id"], bodies, additive=additive
        )
        return exchange.Answer(status=202, empty=True)

    def _check_above(self, call: exchange.Call, cls: Nested, verb: str) -> None:
        """The parent that the path names is there, and the caller may do this below it."""
        above = ABOVE[cls]
        identifier = call.parts[above.key]
        with self.database.read() as held:
            found = rows.get(held, above.cls, identifier)
        if found is None:
            raise Unfound(f"{above.called} {identifier} not found.")
        self._act(call, cls, verb).check(found.project_id)

    def _check_place(self, call: exchange.Call, cls: type[tree.Child], verb: str) -> None:
        """A nested row is found only under its own parent."""
        above = ABOVE.get(cls)
        if above is None or not issubclass(cls, member.Member | l7rule.L7Rule):
            return
        self._check_above(call, cls, verb)
        with self.database.read() as held:
            row = rows.get(held, cls, call.parts["id"])
        if row is None or getattr(row, above.key) != call.parts[above.key]:
            raise faults.not_found(cls.NOUN.title, call.parts["id"])

    # Statuses and statistics

    def statuses(self, call: exchange.Call) -> exchange.Answer:
        """GET loadbalancers/{id}/status."""
        with self.database.read() as held:
            root = read.one(held, self._act(call, Root, "get_status"), Root, call.parts["id"])
            return exchange.Answer(body={"statuses": views.status_tree(kept.load_many(held, (root,))[0])})

    def stats(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """GET loadbalancers/{id}/stats and listeners/{id}/stats."""
        with self.database.read() as held:
            row = read.one(held, self._act(call, cls, "get_stats"), cls, call.parts["id"])
            key = "loadbalancer_id" if cls is Root else "id"
            return exchange.Answer(body={"stats": read.totals(held, **{key: row.id})})


def _awaits(row: tree.Row, seen: views.View) -> str:
    """The load balancer whose arrival would change how a row is seen."""
    if seen["provisioning_status"] not in status.PENDING:
        return ""
    return row.id if isinstance(row, Root) else row.loadbalancer_id


def _shown(whole: tree.Tree, cls: type[tree.Child], identifier: str, *, code: int = 200) -> exchange.Answer:
    """An object as the write left it, whatever has happened since."""
    row = next(each for each in whole.children(cls) if each.id == identifier)
    return exchange.Answer(status=code, body={cls.NOUN.wrapper: views.in_tree(whole, row)})
