"""Which HAProxy processes have ended by themselves: of many places one poll says that all is well.

Promises: a process is held by a descriptor (pidfd_open(2)), so that one that took over its id is never mistaken for
it. Safe to use from several threads. Starts nothing again.
"""

import os
import select
import threading
from collections.abc import Sequence
from pathlib import Path

from vipool.host import descriptors
from vipool.providers import base
from vipool.providers.haproxy import generations, steps


class Watching:
    """The processes that are watched, by the directory of their place."""

    def __init__(self) -> None:
        self._watched: dict[str, int] = {}
        self._lock = threading.Lock()

    def missing(self, places: Sequence[base.Place]) -> tuple[base.Place, ...]:
        """Those of the places where a process should run and none does."""
        with self._lock:
            for place in places:
                if place.directory not in self._watched:
                    self._watch(place)
            for directory in self._ended():
                os.close(self._watched.pop(directory))
            return tuple(place for place in places if self._missing(place))

    def forget(self, place: base.Place) -> None:
        """Look for nothing there any more."""
        with self._lock:
            handle = self._watched.pop(place.directory, None)
            if handle is not None:
                os.close(handle)

    def _watch(self, place: base.Place) -> None:
        process = generations.serving(Path(place.directory))
        if process is not None:
            try:
                handle = os.pidfd_open(process.pid)
            except OSError:
                # It ended just now, or this process may open no more files: then it is looked for each time.
                return
            self._watched[place.directory] = descriptors.up(handle)

    def _ended(self) -> list[str]:
        poller = select.poll()
        by_handle = {handle: directory for directory, handle in self._watched.items()}
        for handle in by_handle:
            poller.register(handle, select.POLLIN)
        return [by_handle[handle] for handle, _ in poller.poll(0)]

    def _missing(self, place: base.Place) -> bool:
        if place.directory in self._watched or not (Path(place.directory) / steps.TEXT).exists():
            return False
        # The process that was watched was reloaded away, or nothing runs.
        self._watch(place)
        return place.directory not in self._watched and generations.serving(Path(place.directory)) is None
