"""Who may do what with a secret or a container, once it is known whose it is.  Pure.

The rules are those of Barbican 23 with its own defaults: members of the project, unless it is private to its maker;
whoever its access list names, to read; administrators of other projects see that it is there and can remove secrets,
and never see a payload.  The older roles creator, observer and audit count where somebody gives them.
"""

import enum
from typing import assert_never

from vipool.model import caller, guarded

WRITERS = frozenset({"member", "creator"})
READERS = WRITERS | {"observer"}
VIEWERS = READERS | {"audit"}


class Right(enum.StrEnum):
    """What can be done with one object."""

    READ = "read"  # the payload of a secret, a container with what is in it, consumers
    LOOK = "look"  # what is said of a secret
    INSPECT = "inspect"  # the access list
    CHANGE = "change"  # the access list, a payload that is not there yet, what is in a container; removing that
    REMOVE = "remove"  # a secret


def may(right: Right, who: caller.Caller, found: guarded.Guarded) -> bool:
    """Whether the caller has this right."""
    match right:
        case Right.READ:
            return _inside(who, found, READERS) or who.user_id in found.users
        case Right.LOOK:
            return _inside(who, found, VIEWERS) or who.user_id in found.users or who.is_admin
        case Right.INSPECT:
            return _inside(who, found, READERS)
        case Right.CHANGE:
            return _inside(who, found, WRITERS)
        case Right.REMOVE:
            return _inside(who, found, WRITERS) or who.is_admin
        case _:
            assert_never(right)


def _inside(who: caller.Caller, found: guarded.Guarded, roles: frozenset[str]) -> bool:
    """Whether the caller acts in the object's project, with one of these roles, and it is not private to another."""
    if not who.owns(found.project_id):
        return False
    return who.is_admin or (bool(who.roles & roles) and (found.project_access or who.user_id == found.creator_id))
