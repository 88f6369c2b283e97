"""Puts a small stand-in for `vipool.wiring` into every Python that has this directory on its path.

The life-cycle tests start the real `vipool up`, whose children are real processes; only what these build is replaced.
"""

import sys

import fake_wiring  # type: ignore[import-not-found]

sys.modules["vipool.wiring"] = fake_wiring
