"""Replacing the members of a pool in one go: which are new, which change, which go.

A member is recognised by its address and port.  A known one is replaced as a whole: what the entry leaves out goes
back to its default, except its name, tags and subnet.
"""

import dataclasses
from collections.abc import Sequence

from vipool.core import admit, terms
from vipool.core.rules import members
from vipool.model import faults, member, pool, tree

# What an entry says of a member that is there already, its defaults included.
RESET = ("admin_state_up", "weight", "backup", "monitor_address", "monitor_port")


def replace(
    whole: tree.Tree, pool_id: str, entries: Sequence[member.Member], *, additive: bool, when: terms.Terms
) -> tree.Tree:
    """The tree with these members in the pool; with ``additive`` none of the others goes.

    Raises faults.Invalid when an existing member is named twice, faults.Conflict when a new one is.
    """
    admit.find(whole, pool.Pool, pool_id)
    known = {members.endpoint(each): each for each in whole.members_of(pool_id) if not each.dying}
    new: list[member.Member] = []
    changed: dict[str, tree.Row] = {}
    for entry in entries:
        held = known.get(members.endpoint(entry))
        if held is None:
            new.append(entry)
            continue
        if held.id in changed:
            raise faults.Invalid("Validation failure: Member must be updated only once in the same request.")
        changed[held.id] = _replaced(held, entry, when)
    gone = [] if additive else [each for each in known.values() if each.id not in changed]
    going = [dataclasses.replace(each, dying=True, touched=when.generation) for each in gone]
    if not new and not changed and not going:
        return whole
    left = whole.replacing(*changed.values(), *going)
    grown = admit.create_members(left, tuple(new), when)
    holder = admit.find(grown, pool.Pool, pool_id)
    return admit.touch(grown, when, holder, *admit.above(grown, holder))


def _replaced(held: member.Member, entry: member.Member, when: terms.Terms) -> member.Member:
    return dataclasses.replace(
        held,
        name=entry.name or held.name,
        tags=entry.tags or held.tags,
        subnet_id=entry.subnet_id or held.subnet_id,
        updated_at=when.now,
        touched=when.generation,
        **{name: getattr(entry, name) for name in RESET},
    )
