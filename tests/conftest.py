"""What holds for every test: how many examples Hypothesis tries.

`VIPOOL_EXAMPLES=fuzz` (see `make fuzz`) trades minutes for examples. It promises nothing else: fixtures of a room
live with the room's tests.
"""

import os

import hypothesis

# No deadline: a slow example on a shared machine says nothing about the code.
hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("VIPOOL_EXAMPLES", "default"))
