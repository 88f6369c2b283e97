"""Doing something again and again until told to stop."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


def run(task: Callable[[], object], stop: threading.Event, *, every: float, words: str) -> None:
    """Do a task each ``every`` seconds; one that fails is logged under these words, and tried again next time."""
    while not stop.wait(every):
        try:
            task()
        except Exception:
            log.exception("%s failed", words)
