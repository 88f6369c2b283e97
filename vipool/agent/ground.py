"""What the agent stands on: one small Protocol for everything of the machine, and the Linux that fulfils it.

`vipool.agent.fake` has the other fulfilment, in memory.

Promises: reads the truth from the kernel and does as told. Does not decide anything, and does not know what a load
balancer is beyond its directory's name.
"""

import contextlib
import logging
import shutil
from collections.abc import Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from vipool.announce import arp
from vipool.announce import base as announcing
from vipool.core import node
from vipool.host import errors, links, namespaces, netlink, observation
from vipool.host import vitals as signs
from vipool.host import wiring as hand
from vipool.model import vitals, wiring

logger = logging.getLogger("vipool.agent")


class Ground(Protocol):
    """The machine under an agent. Every method may raise `vipool.host.errors.HostError`."""

    def observe(self, place: wiring.Namespace) -> wiring.Namespace | None:
        """The namespace named by `place` as it is, None when there is none.

        Of a foreign one the devices are those of ours, and the routes everybody's; a route by another's device may not
        name it.
        """

    def bridge(self, name: str) -> wiring.Bridge | None:
        """The bridge of the host with that name, without its ports; `foreign` unless it carries our alias."""

    def perform(self, actions: Sequence[wiring.Action]) -> None:
        """Do these, in order, up to the first that is refused."""

    def delete_tap(self, name: str) -> bool:
        """Make a pair not exist, given its end on the host; True when there was one. Only ever one of ours."""

    def announce(self, claims: tuple[announcing.Claim, ...], *, new: bool) -> None:
        """Tell the neighbours where these addresses are. `new` says that one of them may have been elsewhere before."""

    def vital_signs(self, asked: Mapping[str, vitals.Question]) -> vitals.Readings:
        """Readings of these namespaces, where they are there."""

    def marked(self) -> frozenset[str]:
        """The names of the namespaces that are ours, there or about to be."""

    def belongings(self) -> node.Belongings:
        """Everything on the machine that is ours."""

    def directory(self, loadbalancer_id: str) -> str:
        """The path of the load balancer's own directory, which may not be there."""

    def prepare(self, loadbalancer_id: str) -> None:
        """Make the load balancer's directory exist."""

    def forget(self, loadbalancer_id: str) -> None:
        """Make the load balancer's directory not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linux:
    """This machine. `state` is the directory that marks and load balancers' directories are in.

    `herald` is where announcements are made, so that nobody waits for them: closing a packet socket takes the kernel
    some 14 ms (it waits for every processor, packet(7) sockets being seen by the receive path without a lock).
    `loaded` has the packet rules that were loaded last, by namespace; what is forgotten is loaded whole once.
    """

    state: Path
    herald: futures.Executor | None = None
    loaded: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def marks(self) -> Path:
        """Where the files are that say which namespaces are ours."""
        return self.state / "namespaces"

    @property
    def directories(self) -> Path:
        """Where the load balancers' directories are."""
        return self.state / "loadbalancers"

    def observe(self, place: wiring.Namespace) -> wiring.Namespace | None:
        """Read the namespace from the kernel. The host's own is refused as a place to plug into."""
        if not place.foreign:
            return observation.observe(place.name)
        _refuse_our_own(place)
        ours = observation.observe(place.name, foreign=True, path=place.path)
        whole = observation.observe(place.name, path=place.path)
        return replace(ours, routes=whole.routes) if ours and whole else None

    def bridge(self, name: str) -> wiring.Bridge | None:
        """Ask the kernel for this one: reading all of them takes 27 ms among 500."""
        with netlink.Socket() as socket:
            (answer,) = socket.ask([links.one_link(name=name)])
        found = links.read_link(answer) if answer else None
        if found is None or found.kind != "bridge":
            return None
        foreign = found.alias != wiring.OWNER_ALIAS
        return wiring.Bridge(name=found.name, mtu=found.mtu, alias=found.alias, foreign=foreign)

    def perform(self, actions: Sequence[wiring.Action]) -> None:
        """Act through netlink and libnftables."""
        if actions:
            hand.perform(actions, marks=self.marks, loaded=self.loaded)

    def delete_tap(self, name: str) -> bool:
        """Delete the pair through its host end, if that carries our mark."""
        if name not in observation.taps():
            return False
        with netlink.Socket() as socket:
            socket.run([links.delete(name)])
        return True

    def announce(self, claims: tuple[announcing.Claim, ...], *, new: bool) -> None:
        """Send gratuitous ARP and unsolicited neighbour advertisements from inside: for new addresses twice.

        With a herald this comes later, and what goes wrong is only logged: neighbours ask by themselves in the end.
        """
        if self.herald is None:
            _announce(claims, new=new)
        else:
            self.herald.submit(_announce_and_log, claims, new=new)

    def vital_signs(self, asked: Mapping[str, vitals.Question]) -> vitals.Readings:
        """Visit them one after the other."""
        return signs.read(asked)

    def marked(self) -> frozenset[str]:
        """Read the marks."""
        return frozenset(hand.marked(self.marks))

    def belongings(self) -> node.Belongings:
        """Marked namespaces, bridges and taps with our alias, directories of load balancers."""
        return node.Belongings(
            namespaces=self.marked(),
            bridges=frozenset(bridge.name for bridge in observation.bridges() if not bridge.foreign),
            taps=frozenset(observation.taps()),
            loadbalancers=frozenset(_names(self.directories)),
        )

    def directory(self, loadbalancer_id: str) -> str:
        """`loadbalancers/<id>` below the state directory."""
        return str(self.directories / loadbalancer_id)

    def prepare(self, loadbalancer_id: str) -> None:
        """Make `loadbalancers/<id>` with mode 0700."""
        path = self.directories / loadbalancer_id
        try:
            self.directories.mkdir(mode=0o711, parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise errors.Failed(f"making the directory {path}", number=error.errno or 0) from error

    def forget(self, loadbalancer_id: str) -> None:
        """Remove `loadbalancers/<id>` and what is in it."""
        path = self.directories / loadbalancer_id
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise errors.Failed(f"removing the directory {path}", number=error.errno or 0) from error


def _announce(claims: tuple[announcing.Claim, ...], *, new: bool) -> None:
    if new:
        arp.Announcer().hold(claims)
    else:
        arp.announce(claims)


def _announce_and_log(claims: tuple[announcing.Claim, ...], *, new: bool) -> None:
    try:
        _announce(claims, new=new)
    except errors.HostError as error:
        logger.warning("announcing addresses: %s", error)


def _refuse_our_own(place: wiring.Namespace) -> None:
    """A process without a network namespace of its own is in the host's, where a plug would do harm."""
    with contextlib.suppress(errors.Missing):
        if namespaces.identity(place.reference) == netlink.thread_namespace():
            reason = "it is the host's own network namespace"
            raise errors.Failed(f"plugging a port into {place.name}", reason=reason)


def _names(directory: Path) -> tuple[str, ...]:
    try:
        return tuple(entry.name for entry in directory.iterdir())
    except FileNotFoundError:
        return ()
