"""nft's reading of packet rules, for the tests: the real program, in a network namespace of its own."""

import os
import shutil
import subprocess

import pytest

needs_nft = pytest.mark.skipif(
    shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin:/bin") is None or shutil.which("unshare") is None,
    reason="nft judges in a network namespace of its own",
)


def verdict(text: str) -> str:
    """What `nft -c` says against the text; empty when it accepts it without a word."""
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *root, "--net", "nft", "-c", "-f", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.stderr or (f"it ended with {done.returncode}" if done.returncode else "")
