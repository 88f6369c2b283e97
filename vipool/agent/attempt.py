"""One attempt at one item: whatever goes wrong becomes an answer in words.

Three ends (ARCHITECTURE, three kinds of error): done; not now, which is tried again soon; broken, whose words the owner
of the item is shown. Anything else is a bug: its traceback goes to the log, the owner is shown its name.

Promises: never raises anything but the end of the process. Safe on several threads for different items.
"""

import enum
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vipool.agent import observe, realise
from vipool.core import attach, node
from vipool.host import errors
from vipool.model import spec, vitals
from vipool.providers import base

logger = logging.getLogger("vipool.agent")

_Answer = TypeVar("_Answer")


class End(enum.StrEnum):
    """How an attempt ended."""

    DONE = "done"
    NOT_NOW = "not now"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to attempt; of a load balancer that is `unknown` so far its vital signs are wanted too."""

    item: spec.Item
    announce_all: bool
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt at `item` ended: what was done and seen, or why it could not be."""

    item: spec.Item
    ended: End
    words: tuple[str, ...] = ()
    observation: spec.Observation | None = None
    signs: vitals.Vitals | None = None
    fault: str = ""


def attempt(hand: realise.Hand, task: Task) -> Outcome:
    """Make the item so, or not be there if it is absent."""

    def work() -> realise.Done:
        if task.item.absent:
            return hand.remove(task.item)
        return hand.realise(task.item, announce_all=task.announce_all)

    done, end, fault = _guarded(work)
    if done is None:
        return Outcome(item=task.item, ended=end, fault=fault)
    signs = _first_signs(hand, task.item) if task.unknown else None
    return Outcome(item=task.item, ended=end, words=done.words, observation=done.observation, signs=signs)


def _first_signs(hand: realise.Hand, item: spec.Item) -> vitals.Vitals | None:
    if not isinstance(item, spec.LoadBalancer) or item.absent:
        return None
    place = hand.place(item.id).namespace
    return feel(hand, {place: vitals.Question()}).found.get(place)


def sweep(hand: realise.Hand, claimed: Iterable[spec.Item]) -> tuple[str, ...] | None:
    """Take away what is ours and not claimed; in words what that was, None when it could not all be done."""
    done, _, fault = _guarded(lambda: hand.sweep(hand.ground.belongings().without(node.belongings(claimed))))
    if done is None:
        logger.warning("removing what nobody asks for: %s", fault)
        return None
    return done.words


def watch(engine: base.Engine, places: Sequence[base.Place]) -> Mapping[str, str]:
    """The namespaces that must be converged again, and why; none when the engine could not be asked."""
    stale, _, fault = _guarded(lambda: engine.watch(places))
    if fault:
        logger.warning("asking whether all is as it was made: %s", fault)
    return stale or {}


def look(hand: realise.Hand, item: spec.LoadBalancer) -> spec.Observation | None:
    """What the data plane of a load balancer says; None when it could not be asked."""
    seen, _, fault = _guarded(lambda: hand.look(item))
    if fault:
        logger.debug("looking at load balancer %s: %s", item.id, fault)
        return None
    return seen or observe.NOTHING


def feel(hand: realise.Hand, asked: Mapping[str, vitals.Question]) -> vitals.Readings:
    """The vital signs of namespaces; none when the machine could not be asked."""
    found, _, fault = _guarded(lambda: hand.ground.vital_signs(asked))
    if fault:
        logger.debug("reading the vital signs of namespaces: %s", fault)
    return found or vitals.Readings()


def _guarded(work: Callable[[], _Answer]) -> tuple[_Answer | None, End, str]:
    try:
        return work(), End.DONE, ""
    except base.NotNow as error:
        return None, End.NOT_NOW, str(error)
    except (errors.HostError, attach.Unwirable, base.Broken) as error:
        return None, End.BROKEN, str(error)
    except OSError as error:
        return None, End.BROKEN, f"the system refused: {error.strerror or error}: {error.filename or 'no file'}"
    except Exception as error:
        logger.exception("a bug of vipool")
        return None, End.BROKEN, f"internal error: {type(error).__name__}: {error}"
