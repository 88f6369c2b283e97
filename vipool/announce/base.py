"""What a way of holding an address can be asked.

A claim says that an address lives behind a device of a namespace of this node. Promises: values and a Protocol only.
How neighbours learn of a claim, and who gives way to whom, is each implementation's own business.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from vipool.model import wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`address` (without prefix length) is reached through `device` of the namespace `reference`."""

    reference: str
    device: str
    address: str


class Holder(Protocol):
    """One way of holding addresses. Both are safe to repeat and raise `host.errors.HostError` with a sentence."""

    def hold(self, claims: tuple[Claim, ...]) -> None:
        """Hold the addresses from now on. They are on their devices already, or the implementation puts them there."""

    def release(self, claims: tuple[Claim, ...]) -> None:
        """Hold the addresses no longer."""


def claims(actions: Iterable[wiring.Action]) -> tuple[Claim, ...]:
    """The addresses that appear by these actions. IPv6 link-local ones are nobody's to look for and are left out."""
    found: list[Claim] = []
    for action in actions:
        match action:
            case wiring.PlugDevice():
                name, addresses = action.device.name, action.device.addresses
                found.extend(_claim(action.namespace, name, address) for address in addresses)
            case wiring.AddAddress():
                found.append(_claim(action.namespace, action.device, action.address))
            case _:
                continue
    return tuple(claim for claim in found if not ipaddress.ip_address(claim.address).is_link_local)


def _claim(reference: str, device: str, address: str) -> Claim:
    return Claim(reference=reference, device=device, address=str(ipaddress.ip_interface(address).ip))
