"""The writes of the load-balancer API: one transaction each, from a parsed body to rows a generation further.

A write loads the tree, lets ``core`` decide, asks the provider whether it can carry the result, and keeps the
difference.  Nodes are woken by the commit.  Nothing is ever refused because another write is under way.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.cloud.network import base as network_base
from vipool.core import admit, batch, graph, policy
from vipool.model import attr, caller, faults, healthmonitor, listener, loadbalancer, member, pool, tree, types
from vipool.providers import base
from vipool.service import vip
from vipool.store import rows, session, trees

Body = Mapping[str, Any]
# Accepted on every object for the sake of old clients; a child takes its load balancer's project whatever they say.
PROJECT = ("project_id", "tenant_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """What the writes work with: the store, the network service, the providers by name, and where ids come from."""

    database: session.Database
    networks: network_base.Network
    providers: Mapping[str, base.Capabilities]
    new_id: Callable[[], str]
    default_provider: str = "amphora"

    def create_root(self, who: caller.Caller, action: str, body: Body) -> tree.Tree:
        """A new load balancer, with everything the body puts under it."""
        own = {key: value for key, value in body.items() if key not in {"listeners", "pools", *PROJECT}}
        values = attr.parse_create(loadbalancer.LoadBalancer, own)
        project = _project(body, who)
        policy.check(action, who, project)
        with self.database.write() as held:
            values |= {"id": self.new_id(), "project_id": project, "created_at": held.now}
            root = loadbalancer.LoadBalancer.build(values)
            look = vip.Lookup(networks=self.networks, held=held, who=who)
            found = vip.resolve(vip.asked(root), look)
            _refuse_choices(body)
            root = dataclasses.replace(root, provider=self._provider(values.get("provider")))
            planted = tree.Tree(loadbalancer=vip.hold(root, found, look))
            when = admit.Moment(generation=1, now=held.now)
            whole = graph.build(planted, body, graph.Step(when=when, new_id=self.new_id))
            self._refuse_unserved(whole)
            trees.keep(held, None, whole)
            return whole

    def update_root(self, who: caller.Caller, action: str, identifier: str, body: Body) -> tree.Tree:
        """A changed load balancer."""
        values = attr.parse_update(loadbalancer.LoadBalancer, body)
        with self.database.write() as held:
            before = self._tree(held, who, action, identifier)
            if before.loadbalancer.dying:
                raise admit.wrong_state(before.loadbalancer)
            _refuse_policy(values)
            return self._keep(held, before, admit.update_root(before, values, admit.moment(before, held.now)))

    def delete_root(self, who: caller.Caller, action: str, identifier: str, *, cascade: bool) -> None:
        """A load balancer on its way out."""
        with self.database.write() as held:
            before = self._tree(held, who, action, identifier)
            after = admit.delete_root(before, cascade=cascade, now=held.now)
            trees.keep(held, before, after)

    def create_listener(self, who: caller.Caller, action: str, body: Body) -> tuple[tree.Tree, str]:
        """A new listener; returns its tree and its id."""
        own = graph.without_policies(_own(body))
        values = attr.parse_create(listener.Listener, _without(own, "default_pool", instead="default_pool_id"))
        return self._create(who, action, listener.Listener, values)

    def create_pool(self, who: caller.Caller, action: str, body: Body) -> tuple[tree.Tree, str]:
        """A new pool of a load balancer, or of a listener whose default pool it becomes."""
        front = _reference(body, "listener_id")
        own = {key: value for key, value in _own(body).items() if key not in {"listener_id", "loadbalancer_id"}}
        own = _without(own, "members", instead="POST pools/{id}/members")
        own = _without(own, "healthmonitor", instead="POST healthmonitors")
        values = attr.parse_create(pool.Pool, own)
        pool.refuse_untyped(values)
        above = _reference(body, "loadbalancer_id")
        with self.database.write() as held:
            if above is not None:
                before = self._tree(held, who, action, above)
            elif front is not None:
                before = self._tree_of(held, who, action, listener.Listener, front)
            else:
                raise faults.Invalid("Validation failure: Must provide at least one of: loadbalancer_id, listener_id")
            row = pool.Pool.build({**values, **self._identity(before)})
            after = admit.create_pool(before, row, front, admit.moment(before, held.now))
            return self._keep(held, before, after), row.id

    def create_member(self, who: caller.Caller, action: str, pool_id: str, body: Body) -> tuple[tree.Tree, str]:
        """A new member of a pool."""
        values = attr.parse_create(member.Member, _own(body))
        return self._create_in_pool(who, action, pool_id, member.Member, values)

    def create_monitor(self, who: caller.Caller, action: str, body: Body) -> tuple[tree.Tree, str]:
        """A new health monitor of a pool."""
        values = attr.parse_create(healthmonitor.HealthMonitor, _own(body))
        kind = healthmonitor.Type(str(values["type"]))
        values = healthmonitor.complete(kind, values)
        return self._create_in_pool(who, action, str(values["pool_id"]), healthmonitor.HealthMonitor, values)

    def replace_members(
        self, who: caller.Caller, actions: Sequence[str], pool_id: str, bodies: Sequence[Body], *, additive: bool
    ) -> None:
        """All the members of a pool at once."""
        parsed = [attr.parse_create(member.Member, _own(body)) for body in bodies]
        with self.database.write() as held:
            before = self._tree_of(held, who, actions[0], pool.Pool, pool_id)
            for action in actions[1:]:
                policy.check(action, who, before.loadbalancer.project_id)
            when = admit.moment(before, held.now)
            entries = [
                member.Member.build({**values, **self._identity(before), "pool_id": pool_id}) for values in parsed
            ]
            self._check_subnets(held, who, entries)
            after = batch.replace(before, pool_id, entries, additive=additive, when=when)
            if after is not before:
                self._keep(held, before, after)

    def update(self, who: caller.Caller, action: str, cls: type[tree.Child], identifier: str, body: Body) -> tree.Tree:
        """A changed listener, pool, member or health monitor."""
        values = attr.parse_update(cls, body)
        with self.database.write() as held:
            before = self._tree_of(held, who, action, cls, identifier)
            when = admit.moment(before, held.now)
            row = admit.find(before, cls, identifier)
            if isinstance(row, healthmonitor.HealthMonitor):
                values = healthmonitor.restored(row.type, values)
            if isinstance(row, pool.Pool):
                values |= _persistence(row, values)
            return self._keep(held, before, admit.update(before, cls, identifier, values, when))

    def delete(self, who: caller.Caller, action: str, cls: type[tree.Child], identifier: str) -> None:
        """A listener, pool, member or health monitor on its way out."""
        with self.database.write() as held:
            before = self._tree_of(held, who, action, cls, identifier)
            after = admit.delete(before, cls, identifier, admit.moment(before, held.now))
            trees.keep(held, before, after)

    def _create(
        self, who: caller.Caller, action: str, cls: type[tree.Child], values: dict[str, object]
    ) -> tuple[tree.Tree, str]:
        with self.database.write() as held:
            before = self._tree(held, who, action, str(values["loadbalancer_id"]))
            row = cls.build({**values, **self._identity(before)})
            after = admit.create(before, row, admit.moment(before, held.now))
            return self._keep(held, before, after), row.id

    def _create_in_pool(
        self,
        who: caller.Caller,
        action: str,
        pool_id: str,
        cls: type[member.Member] | type[healthmonitor.HealthMonitor],
        values: dict[str, object],
    ) -> tuple[tree.Tree, str]:
        with self.database.write() as held:
            before = self._tree_of(held, who, action, pool.Pool, pool_id)
            row = cls.build({**values, **self._identity(before), "pool_id": pool_id})
            if isinstance(row, member.Member):
                self._check_subnets(held, who, [row])
            after = admit.create(before, row, admit.moment(before, held.now))
            return self._keep(held, before, after), row.id

    def _keep(self, held: session.Session, before: tree.Tree, after: tree.Tree) -> tree.Tree:
        self._refuse_unserved(after)
        trees.keep(held, before, after)
        return after

    def _tree(self, held: session.Session, who: caller.Caller, action: str, identifier: str) -> tree.Tree:
        root = rows.get(held, loadbalancer.LoadBalancer, identifier)
        if root is None:
            raise faults.not_found("Load Balancer", identifier)
        policy.check(action, who, root.project_id)
        return trees.load_many(held, (root,))[0]

    def _tree_of(
        self, held: session.Session, who: caller.Caller, action: str, cls: type[tree.Child], identifier: str
    ) -> tree.Tree:
        root = trees.root_of(held, cls, identifier)
        if root is None:
            raise faults.not_found(cls.NOUN.title, identifier)
        return self._tree(held, who, action, root)

    def _identity(self, whole: tree.Tree) -> dict[str, object]:
        root = whole.loadbalancer
        return {"id": self.new_id(), "project_id": root.project_id, "loadbalancer_id": root.id}

    def _provider(self, wanted: object) -> str:
        name = self.default_provider if wanted is None else str(wanted)
        if name not in self.providers:
            raise faults.Invalid(f"Provider '{name}' is not enabled.")
        return name

    def _refuse_unserved(self, whole: tree.Tree) -> None:
        provider = whole.loadbalancer.provider
        reason = self.providers[provider].refuse(whole.live())
        if reason is not None:
            raise faults.NotServed(f"Provider '{provider}' does not support a requested option: {reason}")

    def _check_subnets(self, held: session.Session, who: caller.Caller, members: Sequence[member.Member]) -> None:
        for identifier in {each.subnet_id for each in members if each.subnet_id is not None}:
            if self.networks.subnet(held, who, identifier) is None:
                raise faults.Invalid(f"Subnet {identifier} not found.")


def _own(body: Body) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in PROJECT}


def _without(body: Body, key: str, *, instead: str) -> dict[str, Any]:
    """The body without what may be given only inside a load balancer's creation.  Raises faults.Invalid."""
    if body.get(key):
        raise faults.Invalid(f"{key} may be given only in the call that creates the load balancer: use {instead}.")
    return {name: value for name, value in body.items() if name != key}


def _reference(body: Body, key: str) -> str | None:
    """The identifier under a key, or None.  Raises faults.BadAttribute."""
    value = body.get(key)
    if value is None:
        return None
    try:
        return types.Uuid().parse(value)
    except ValueError as error:
        raise faults.BadAttribute(key, value, str(error)) from error


def _project(body: Body, who: caller.Caller) -> str:
    named = body.get("project_id") or body.get("tenant_id") or who.project_id
    if named is None:
        raise faults.Invalid(
            "Validation failure: Missing project ID in request where one is required. An administrator should check "
            "the keystone settings in the Octavia configuration."
        )
    try:
        return types.String(36).parse(named)
    except ValueError as error:
        raise faults.BadAttribute("project_id", named, str(error)) from error


def _refuse_choices(body: Body) -> None:
    """Refuse flavors, zones and QoS policies, of which there are none: null names none of them either, in Octavia."""
    if "flavor_id" in body:
        raise faults.Invalid("Validation failure: Invalid flavor_id.")
    if "availability_zone" in body:
        raise faults.Invalid("Validation failure: Invalid availability zone.")
    _refuse_policy(body)


def _refuse_policy(values: Mapping[str, object]) -> None:
    if values.get("vip_qos_policy_id") is not None:
        raise faults.Invalid("Validation failure: VIP QoS policy is not allowed in this deployment.")


def _persistence(row: pool.Pool, values: Mapping[str, object]) -> dict[str, object]:
    """A session persistence sent without a type keeps the stored type."""
    sent = values.get("session_persistence")
    if not isinstance(sent, dict) or sent.get("type") is not None or row.session_persistence is None:
        return {}
    return {"session_persistence": {**sent, "type": row.session_persistence["type"]}}
