"""The writes of the load-balancer API: one transaction each, from a parsed body to rows a generation further.

A write loads the tree, lets ``core`` decide, asks the provider whether it can carry the result, and keeps the
difference.  Nodes are woken by the commit.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from vipool.cloud.network import base as network_base
from vipool.core import admit, batch, complete, graph, returning, terms
from vipool.model import (
    attr,
    caller,
    deployment,
    faults,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    port,
    status,
    tree,
    types,
)
from vipool.service import act, amphorae, certificates, choices, history, lookup, quotas, vip
from vipool.store import rows, session, trees

Body = Mapping[str, Any]
Doubt: TypeAlias = faults.Refusal | None
# Accepted on every object for the sake of old clients; a child takes its load balancer's project whatever they say.
PROJECT = ("project_id", "tenant_id")
# What may be given only in the call that creates a load balancer, and what to use for it later.
NESTED: Mapping[type[tree.Child], Mapping[str, str]] = {
    listener.Listener: {"default_pool": "default_pool_id", "l7policies": "POST l7policies"},
    pool.Pool: {"members": "POST pools/{id}/members", "healthmonitor": "POST healthmonitors"},
    l7policy.L7Policy: {"redirect_pool": "redirect_pool_id", "rules": "POST l7policies/{id}/rules"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """What the writes work with: the store, the neighbours, the providers by name, and what the deployment allows.

    A refusal for what a reference leads to is found out before the write begins, and carried along as its ``doubt``.

    ``node`` is the node that carries what is made; ``new_id`` is where ids come from.
    """

    database: session.Database
    networks: network_base.Network
    certificates: certificates.Certificates
    providers: choices.Providers
    new_id: Callable[[], str]
    allowed: deployment.Deployment = deployment.USUAL
    node: amphorae.Node = amphorae.THIS

    # Load balancers

    def create_root(self, what: act.Act, body: Body) -> tree.Tree:
        """A new load balancer, with everything the body puts under it."""
        own = {key: value for key, value in body.items() if key not in {"listeners", "pools", *PROJECT}}
        values = attr.parse_create(loadbalancer.LoadBalancer, own)
        project = _project(body, what.who)
        what.check(project)
        doubt = self.certificates.doubt(what.who, body)
        with self.database.write() as held:
            values |= {"id": self.new_id(), "project_id": project, "created_at": held.now}
            root = loadbalancer.LoadBalancer.build(values)
            look = lookup.Lookup(networks=self.networks, held=held, who=what.who, allowed=self.allowed)
            found = vip.resolve(vip.asked(root), look)
            chosen = choices.choose(held, values, self.providers, self.allowed.default_provider)
            root = dataclasses.replace(root, provider=chosen.provider, flavor=dict(chosen.flavor))
            planted = tree.Tree(loadbalancer=vip.hold(root, found, look, chosen.zone))
            when = terms.Terms(generation=1, now=held.now, allowed=self.allowed)
            whole = graph.build(planted, body, graph.Step(when=when, new_id=self.new_id))
            kept = self._keep(held, what, None, whole, doubt)
            amphorae.place(held, kept.loadbalancer, self.node, self.new_id)
            return kept

    def update_root(self, what: act.Act, identifier: str, body: Body) -> tree.Tree:
        """A changed load balancer."""
        values = attr.parse_update(loadbalancer.LoadBalancer, body)
        with self.database.write() as held:
            before = self._tree(held, what, identifier)
            when = terms.itself(before, held.now, self.allowed)
            look = lookup.Lookup(networks=self.networks, held=held, who=what.who, allowed=self.allowed)
            vip.change(before.loadbalancer, values, look)
            return self._keep(held, what, before, admit.update_root(before, values, when))

    def delete_root(self, what: act.Act, identifier: str, *, cascade: bool) -> None:
        """A load balancer on its way out."""
        with self.database.write() as held:
            before = self._tree(held, what, identifier)
            when = terms.deletion(before, held.now, self.allowed)
            self._store(held, what, before, admit.delete_root(before, cascade=cascade, when=when))

    def fail_over(self, what: act.Act, identifier: str) -> None:
        """A load balancer carried anew: its instances are replaced, and what failed is tried again."""
        with self.database.write() as held:
            before = self._tree(held, what, identifier)
            when = terms.itself(before, held.now, self.allowed, status.Provisioning.ERROR)
            after = self._keep(held, what, before, admit.fail_over(before, when))
            amphorae.replace(held, after.loadbalancer, self.node, self.new_id)

    # What is under them

    def create(self, what: act.Act, cls: type[tree.Child], body: Body) -> tuple[tree.Tree, str]:
        """A new listener, pool, health monitor or L7 policy; returns its tree and its id."""
        if cls is pool.Pool:
            return self._create_pool(what, body)
        values = self._parsed(cls, body)
        doubt = self.certificates.doubt(what.who, values)
        with self.database.write() as held:
            before = self._tree_above(held, what, cls, values)
            row = cls.build({**values, **self._identity(before)})
            return self._create(held, what, before, row, doubt)

    def create_below(
        self, what: act.Act, cls: type[member.Member] | type[l7rule.L7Rule], above: str, body: Body
    ) -> tuple[tree.Tree, str]:
        """A new member of a pool, or a new rule of an L7 policy, which its path names."""
        values = self._parsed(cls, body)
        with self.database.write() as held:
            before = self._tree_of(held, what, PARENTS[cls][0], above)
            row = cls.build({**values, **self._identity(before), PARENTS[cls][1]: above})
            if isinstance(row, member.Member):
                self._check_subnets(held, what.who, [row])
            return self._create(held, what, before, row)

    def replace_members(self, what: act.Act, pool_id: str, bodies: Sequence[Body], *, additive: bool) -> None:
        """All the members of a pool at once."""
        parsed = [self._parsed(member.Member, body) for body in bodies]
        with self.database.write() as held:
            before = self._tree_of(held, what, pool.Pool, pool_id)
            when = terms.below(before, held.now, self.allowed)
            entries = [
                member.Member.build({**values, **self._identity(before), "pool_id": pool_id}) for values in parsed
            ]
            self._check_subnets(held, what.who, entries)
            after = batch.replace(before, pool_id, entries, additive=additive, when=when)
            if after is not before:
                self._keep(held, what, before, after)

    def update(self, what: act.Act, cls: type[tree.Child], identifier: str, body: Body) -> tree.Tree:
        """A changed row below a load balancer."""
        parsed = attr.parse_update(cls, body)
        doubt = self.certificates.doubt_change(what.who, cls, identifier, parsed)
        with self.database.write() as held:
            before = self._tree_of(held, what, cls, identifier)
            when = terms.below(before, held.now, self.allowed)
            values = complete.changed(admit.find(before, cls, identifier), parsed, self.allowed)
            return self._keep(held, what, before, admit.update(before, cls, identifier, values, when), doubt)

    def delete(self, what: act.Act, cls: type[tree.Child], identifier: str) -> None:
        """A row below a load balancer on its way out."""
        with self.database.write() as held:
            before = self._tree_of(held, what, cls, identifier)
            when = terms.below(before, held.now, self.allowed)
            self._store(held, what, before, admit.delete(before, cls, identifier, when))

    # Steps

    def _parsed(self, cls: type[tree.Child], body: Body) -> dict[str, Any]:
        own = {key: value for key, value in body.items() if key not in PROJECT}
        for key, instead in NESTED.get(cls, {}).items():
            if own.pop(key, None):
                raise faults.Invalid(
                    f"{key} may be given only in the call that creates the load balancer: use {instead}."
                )
        return complete.new(cls, attr.parse_create(cls, own), self.allowed)

    def _create_pool(self, what: act.Act, body: Body) -> tuple[tree.Tree, str]:
        """A new pool of a load balancer, or of a listener whose default pool it becomes."""
        front, above = _reference(body, "listener_id"), _reference(body, "loadbalancer_id")
        own = {key: value for key, value in body.items() if key not in {"listener_id", "loadbalancer_id"}}
        values = self._parsed(pool.Pool, own)
        doubt = self.certificates.doubt(what.who, values)
        with self.database.write() as held:
            if above is not None:
                before = self._tree(held, what, above)
            elif front is not None:
                before = self._tree_of(held, what, listener.Listener, front)
            else:
                raise faults.Invalid("Validation failure: Must provide at least one of: loadbalancer_id, listener_id")
            row = pool.Pool.build({**values, **self._identity(before)})
            after = admit.create_pool(before, row, front, terms.below(before, held.now, self.allowed))
            return self._keep(held, what, before, after, doubt), row.id

    def _create(
        self, held: session.Session, what: act.Act, before: tree.Tree, row: tree.Child, doubt: Doubt = None
    ) -> tuple[tree.Tree, str]:
        after = admit.create(before, row, terms.below(before, held.now, self.allowed))
        return self._keep(held, what, before, after, doubt), row.id

    def _keep(
        self, held: session.Session, what: act.Act, before: tree.Tree | None, after: tree.Tree, doubt: Doubt = None
    ) -> tree.Tree:
        if doubt is not None:
            raise doubt
        provider = after.loadbalancer.provider
        # The package of a provider that carries load balancers may be gone since.
        choices.refuse_unknown(provider, self.providers)
        choices.refuse_unserved(provider, self.providers[provider].refuse(after.live()))
        quotas.charge(held, before, after, self.allowed)
        return self._store(held, what, before, after)

    def _store(self, held: session.Session, what: act.Act, before: tree.Tree | None, after: tree.Tree) -> tree.Tree:
        trees.keep(held, before, after)
        self._return(held, () if before is None else returning.of(before), after)
        history.record(held, what, before, after)
        return after

    def _return(self, held: session.Session, before: Sequence[port.Return], after: tree.Tree) -> None:
        """Have answers to clients themselves come back, where that has changed."""
        now, port_id = returning.of(after), after.loadbalancer.vip_port_id
        if now != before and port_id is not None:
            self.networks.return_by(held, port_id, now)

    def _tree(self, held: session.Session, what: act.Act, identifier: str) -> tree.Tree:
        root = rows.get(held, loadbalancer.LoadBalancer, identifier)
        if root is None:
            raise faults.not_found("Load Balancer", identifier)
        what.check(root.project_id)
        return trees.load_many(held, (root,))[0]

    def _tree_of(self, held: session.Session, what: act.Act, cls: type[tree.Child], identifier: str) -> tree.Tree:
        root = trees.root_of(held, cls, identifier)
        if root is None:
            raise faults.not_found(cls.NOUN.title, identifier)
        return self._tree(held, what, root)

    def _tree_above(
        self, held: session.Session, what: act.Act, cls: type[tree.Child], values: Mapping[str, Any]
    ) -> tree.Tree:
        """The tree that a new row names its place in."""
        if cls is listener.Listener:
            return self._tree(held, what, values["loadbalancer_id"])
        above, key = PARENTS[cls]
        return self._tree_of(held, what, above, values[key])

    def _identity(self, whole: tree.Tree) -> dict[str, object]:
        root = whole.loadbalancer
        return {"id": self.new_id(), "project_id": root.project_id, "loadbalancer_id": root.id}

    def _check_subnets(self, held: session.Session, who: caller.Caller, members: Sequence[member.Member]) -> None:
        for identifier in {each.subnet_id for each in members if each.subnet_id is not None}:
            if self.networks.subnet(held, who, identifier) is None:
                raise faults.Invalid(f"Subnet {identifier} not found.")


# Whose child a row is, and the attribute that says so.
PARENTS: Mapping[type[tree.Child], tuple[type[tree.Child], str]] = {
    member.Member: (pool.Pool, "pool_id"),
    healthmonitor.HealthMonitor: (pool.Pool, "pool_id"),
    l7policy.L7Policy: (listener.Listener, "listener_id"),
    l7rule.L7Rule: (l7policy.L7Policy, "l7policy_id"),
}


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
