"""The tutorial, typed into one shell as it stands: every `sh` block, in order, none of which may fail.

Home is a temporary directory and the API takes any free port; the rest is as a reader does it. What the page promises
of the answers is looked for in what was printed.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import house

PAGE = house.ROOT / "docs/tutorial/the-classic-picture.md"
SECONDS = 300
# The page puts .venv/bin first; where the tests run from another environment, that one is found.
PATH = f"{os.environ['PATH']}:{Path(sys.executable).parent}"


def blocks() -> list[str]:
    """The commands of the page, block by block."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def play(home: Path) -> tuple[int, str]:
    """Type all of it; returns the exit code and what was said. Ends whatever was started."""
    # Jobs are counted (`set -m`) as in a person's shell, where `kill %1` means the first.
    lines = ["set -euo pipefail", "set -m"]
    for number, block in enumerate(blocks()):
        lines += [f"echo '== block {number}'", block]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "VIPOOL_"))}
    said = home / "said"
    with said.open("w") as output:
        shell = subprocess.Popen(
            ["bash", "-c", "\n".join(lines)],
            cwd=house.ROOT,
            env={**kept, "HOME": str(home), "VIPOOL_LISTEN": "127.0.0.1:0", "PATH": PATH},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = shell.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            code = shell.wait()
        finally:
            state = home / "vipool-tutorial"
            if state.exists():
                down = [sys.executable, "-m", "vipool", "down", "--purge", "--state-dir", str(state)]
                subprocess.run(down, check=False, capture_output=True, timeout=60)
    return code, said.read_text()


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What each block printed; a short path for home, because unix sockets live in it."""
    with tempfile.TemporaryDirectory(prefix="vipool-") as home:
        code, said = play(Path(home))
        left = [path.name for path in Path(home).iterdir() if path.name.startswith("vipool-tutorial")]
    assert code == 0, said[-4000:]
    assert not left, "the last block removes everything"
    return re.split(r"^== block \d+\n", said, flags=re.MULTILINE)[1:]


def answer(told: list[str], command: str, occurrence: int = 0) -> str:
    """What the blocks with that command printed, the first of them or a later one."""
    return [said for block, said in zip(blocks(), told, strict=True) if command in block][occurrence]


@pytest.mark.slow
def test_the_floating_ip_is_the_one_the_page_names(told):
    assert re.search(r"floating_ip_address +\| 10\.10\.10\.7 ", answer(told, "floating ip create"))


@pytest.mark.slow
def test_both_servers_answer_in_turn(told):
    assert answer(told, "for each in 1 2 3 4").split("I am ")[1:] in (
        ["web1\n", "web2\n", "web1\n", "web2\n"],
        ["web2\n", "web1\n", "web2\n", "web1\n"],
    )


@pytest.mark.slow
def test_the_trace_shows_ten_steps(told):
    assert re.findall(r"^ *(\d+) +[\d.]+ ms", answer(told, "vipool trace"), flags=re.MULTILINE) == [
        str(number) for number in range(1, 11)
    ]


@pytest.mark.slow
def test_the_other_server_takes_over(told):
    assert re.findall(r"^I am (\w+)$", answer(told, "for each in 1 2 3 4", 1), flags=re.MULTILINE) == ["web2"] * 4


@pytest.mark.slow
def test_traffic_flows_while_vipool_is_stopped(told):
    stopped, _, started = answer(told, "kill %1").partition("I am web2")
    assert "Traffic flows on" in stopped
    assert "vipool is up" in started
