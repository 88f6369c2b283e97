"""`python -m vipool.contract` is pytest in a sandbox; without one the suite does not begin."""

import subprocess
import sys

import pytest

from vipool.contract import stage

ALONE = """
import socket
from pathlib import Path

def test_there_is_nobody_else_here():
    assert socket.if_nameindex() == [(1, "lo")]
    assert list(Path("/run/netns").iterdir()) == []
"""
SUITE = """
from vipool.contract import subject, suite
from vipool.providers import fake

class TestFake(suite.Suite):
    subject = subject.Subject(name="fake", capabilities=fake.Capabilities, engine=fake.Engine, packets={packets})
"""


@pytest.fixture
def run(tmp_path):
    def work(module, text, *words):
        (tmp_path / "test_it.py").write_text(text)
        command = [
            sys.executable,
            "-m",
            module,
            "-c",
            "/dev/null",
            "-p",
            "no:cacheprovider",
            "-q",
            *words,
            str(tmp_path),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return work


def test_tests_are_alone_in_a_sandbox_and_arguments_are_pytests(run):
    code, said = run("vipool.contract", ALONE + "\ndef test_other():\n    assert False\n", "-k", "nobody_else")
    assert (code, "1 passed, 1 deselected" in said) == (0, True), said


def test_a_failure_is_the_end(run):
    code, said = run("vipool.contract", "def test_it():\n    assert 1 == 2\n")
    assert (code, "assert 1 == 2" in said) == (1, True), said


def test_the_suite_does_not_begin_where_packets_could_leave(run):
    code, said = run("pytest", SUITE.format(packets=True), "-k", "never_made")
    if stage.alone():
        pytest.skip("this is a sandbox")
    assert (code, "run them in a sandbox: python -m vipool.contract" in said) == (1, True), said


def test_what_has_no_packets_needs_no_sandbox(run):
    code, said = run("pytest", SUITE.format(packets=False), "-k", "never_made or carries_something")
    assert (code, "2 passed" in said) == (0, True), said
