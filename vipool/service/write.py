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
from vipool.model import attr, caller, faults, healthmonitor, listener, loadbalancer, member, pool, port, tree
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
        _check_choices(values)
        provider = self._provider(values.get("provider"))
        with self.database.write() as held:
            values |= {"id": self.new_id(), "project_id": project, "provider": provider}
            root = self._with_vip(held, who, loadbalancer.LoadBalancer.build(values))
            when = admit.Moment(generation=1, now=held.now)
            planted = tree.Tree(loadbalancer=dataclasses.replace(root, created_at=held.now))
            whole = graph.build(planted, body, graph.Step(when=when, new_id=self.new_id))
            self._refuse_unserved(whole)
            trees.keep(held, None, whole)
            return whole

    def update_root(self, who: caller.Caller, action: str, identifier: str, body: Body) -> tree.Tree:
        """A changed load balancer."""
        values = attr.parse_update(loadbalancer.LoadBalancer, body)
        _check_choices(values)
        with self.database.write() as held:
            before = self._tree(held, who, action, identifier)
            _refuse_state(before)
            return self._keep(held, before, admit.update_root(before, values, admit.moment(before, held.now)))

    def delete_root(self, who: caller.Caller, action: str, identifier: str, *, cascade: bool) -> None:
        """A load balancer on its way out."""
        with self.database.write() as held:
            before = self._tree(held, who, action, identifier)
            _refuse_state(before)
            after = admit.delete_root(before, cascade=cascade, when=admit.moment(before, held.now))
            trees.keep(held, before, after)

    def create_listener(self, who: caller.Caller, action: str, body: Body) -> tuple[tree.Tree, str]:
        """A new listener; returns its tree and its id."""
        values = attr.parse_create(listener.Listener, _own(body))
        return self._create(who, action, listener.Listener, values)

    def create_pool(self, who: caller.Caller, action: str, body: Body) -> tuple[tree.Tree, str]:
        """A new pool of a load balancer, or of a listener whose default pool it becomes."""
        front = body.get("listener_id")
        own = {key: value for key, value in _own(body).items() if key != "listener_id"}
        values = attr.parse_create(pool.Pool, own)
        with self.database.write() as held:
            root = values.get("loadbalancer_id")
            if front is not None:
                root = root or trees.root_of(held, listener.Listener, str(front))
                if root is None:
                    raise faults.not_found("Listener", str(front))
            if root is None:
                raise faults.Invalid("Validation failure: Must provide at least one of: loadbalancer_id, listener_id")
            before = self._tree(held, who, action, str(root))
            row = pool.Pool.build({**values, **self._identity(before)})
            listener_id = None if front is None else str(front)
            after = admit.create_pool(before, row, listener_id, admit.moment(before, held.now))
            return self._keep(held, before, after), row.id

    def create_member(self, who: caller.Caller, action: str, pool_id: str, body: Body) -> tuple[tree.Tree, str]:
        """A new member of a pool."""
        values = attr.parse_create(member.Member, _own(body))
        return self._create_in_pool(who, action, pool_id, member.Member, values)

    def create_monitor(self, who: caller.Caller, action: str, body: Body) -> tuple[tree.Tree, str]:
        """A new health monitor of a pool."""
        values = attr.parse_create(healthmonitor.HealthMonitor, _own(body))
        kind = healthmonitor.Type(str(values["type"]))
        values = healthmonitor.complete(kind, values, asked=frozenset(body))
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
                sent = {**attr.dump(row), **values} if row.type.speaks_http else values
                values |= healthmonitor.complete(row.type, sent, asked=frozenset(body))
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

    def _with_vip(
        self, held: session.Session, who: caller.Caller, root: loadbalancer.LoadBalancer
    ) -> loadbalancer.LoadBalancer:
        asked = vip.Vip(
            port_id=root.vip_port_id,
            network_id=root.vip_network_id,
            subnet_id=root.vip_subnet_id,
            address=root.vip_address,
        )
        found = vip.resolve(asked, vip.Lookup(networks=self.networks, held=held, who=who))
        device = f"lb-{root.id}"
        if found.port_id is not None:
            self.networks.bind_port(held, found.port_id, device_id=device, device_owner="Octavia")
            return dataclasses.replace(root, **_vip_values(found), vip_owned=False)
        wanted = port.Request(
            network_id=str(found.network_id),
            fixed_ips=((found.subnet_id, found.address),),
            name=f"octavia-lb-{root.id}",
            device_id=device,
            device_owner="Octavia",
            project_id=root.project_id,
        )
        try:
            made = self.networks.create_port(held, who, wanted)
        except faults.Conflict as refusal:
            raise faults.Conflict(f"The VIP IP address is already in use: {refusal.sentence}") from refusal
        address = str(made.fixed_ips[0]["ip_address"])
        subnet_id = str(made.fixed_ips[0]["subnet_id"])
        found = dataclasses.replace(found, port_id=made.id, subnet_id=subnet_id, address=address)
        return dataclasses.replace(root, **_vip_values(found))


def _vip_values(found: vip.Vip) -> dict[str, Any]:
    return {
        "vip_port_id": found.port_id,
        "vip_network_id": found.network_id,
        "vip_subnet_id": found.subnet_id,
        "vip_address": found.address,
    }


def _own(body: Body) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in PROJECT}


def _project(body: Body, who: caller.Caller) -> str:
    named = body.get("project_id", body.get("tenant_id"))
    if named is None:
        named = who.project_id
    if named is None:
        raise faults.Invalid(
            "Validation failure: Missing project ID in request where one is required. An administrator should check "
            "the keystone settings in the Octavia configuration."
        )
    if not isinstance(named, str) or len(named) > 36:
        raise faults.BadAttribute("project_id", named, "Value should be string")
    return named


def _check_choices(values: Mapping[str, object]) -> None:
    """Refuse references to what does not exist here: flavors, zones, QoS policies and security groups of VIPs."""
    if values.get("flavor_id") is not None:
        raise faults.Invalid("Validation failure: Invalid flavor_id.")
    if values.get("availability_zone") is not None:
        raise faults.Invalid("Validation failure: Invalid availability zone.")
    if values.get("vip_qos_policy_id") is not None:
        raise faults.Invalid("Validation failure: VIP QoS policy is not allowed in this deployment.")


def _refuse_state(whole: tree.Tree) -> None:
    if whole.loadbalancer.dying:
        raise faults.Conflict(f"Invalid state PENDING_DELETE of loadbalancer resource {whole.loadbalancer.id}")


def _persistence(row: pool.Pool, values: Mapping[str, object]) -> dict[str, object]:
    """A session persistence sent without a type keeps the stored type."""
    sent = values.get("session_persistence")
    if not isinstance(sent, dict) or sent.get("type") is not None or row.session_persistence is None:
        return {}
    return {"session_persistence": {**sent, "type": row.session_persistence["type"]}}
