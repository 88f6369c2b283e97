"""Plugging ports into namespaces and processes that an operator runs, on the machine itself."""

import re

from vipool.cloud.network.embedded import touch
from vipool.model import device, faults, plug, port
from vipool.store import rows, session

TARGET = re.compile(r"netns:[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,199}|pid:[1-9][0-9]{0,9}")
DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # IFNAMSIZ, less the final zero
# No names, the loopback, and what the kernel calls every interface in /proc/sys/net.
UNNAMED = frozenset({".", "..", "lo", "all", "default"})
TAKEN = frozenset({device.ROUTER_INTERFACE, device.ROUTER_GATEWAY, device.FLOATING_IP, device.LOAD_BALANCER})


def find_port(held: session.Session, name: str) -> port.Port:
    """The port with that id, or the only one with that name.  Raises faults.NotFound or Conflict."""
    found = rows.get(held, port.Port, name)
    if found is not None:
        return found
    named = rows.find(held, port.Port, name=name) if name else ()
    if not named:
        raise faults.NotFound(f"There is no port with the id or name {name}.")
    if len(named) > 1:
        raise faults.Conflict(f"There are {len(named)} ports named {name}: give the id of one.")
    return named[0]


def attach(held: session.Session, of: port.Port, target: str, device: str) -> plug.Plug:
    """Plug a port.  Raises a refusal when it is in use or the words make no sense."""
    if not TARGET.fullmatch(target):
        raise faults.Invalid(f"'{target}' is no place to plug a port into: give netns:NAME or pid:PID.")
    if not DEVICE.fullmatch(device) or device in UNNAMED:
        raise faults.Invalid(f"'{device}' is no name for an interface: at most 15 letters, digits, dots and dashes.")
    if of.device_owner in TAKEN:
        raise faults.Conflict(f"Port {of.id} is used by {of.device_owner} {of.device_id}: make another one.")
    present = rows.get(held, plug.Plug, of.id)
    if present is not None:
        raise faults.Conflict(f"Port {of.id} is plugged into {present.target} already: detach it first.")
    made = plug.Plug(id=of.id, target=target, device=device, revision=held.revision())
    rows.remove(held, plug.Tombstone, f"plug:{of.id}")
    rows.add(held, made)
    return made


def detach(held: session.Session, of: port.Port) -> None:
    """Unplug a port.  Raises faults.NotFound when it is not plugged."""
    present = rows.get(held, plug.Plug, of.id)
    if present is None:
        raise faults.NotFound(f"Port {of.id} is not plugged.")
    touch.bury_plug(held, present, of)
    rows.change(held, port.Port, of.id, {"status": "DOWN"})
