"""Processes are started in, and found in, the namespace they belong to."""

from __future__ import annotations

import os

import pytest

from vipool.host import errors, namespaces, processes
from vipool.host import wiring as host
from vipool.model import wiring


@pytest.fixture
def namespace(marks):
    host.perform([wiring.CreateNamespace(name="qlbaas-p")], marks=marks)
    yield "qlbaas-p"
    host.perform([wiring.DeleteNamespace(name="qlbaas-p")], marks=marks)


def test_a_process_runs_in_its_namespace_and_is_found_there(namespace, tmp_path):
    process = processes.spawn(["sleep", "60"], log=tmp_path / "log", reference=namespace)
    try:
        status = os.stat(f"/proc/{process.pid}/ns/net")
        assert (status.st_dev, status.st_ino) == namespaces.identity(namespace)
        assert processes.inside(namespace) == (process,)
    finally:
        processes.stop([process])
    assert processes.inside(namespace) == ()


def test_a_program_is_run_in_a_namespace(namespace):
    outcome = processes.run(["readlink", "/proc/self/ns/net"], reference=namespace)
    assert outcome.output.strip() == f"net:[{namespaces.identity(namespace)[1]}]"


def test_nothing_runs_in_a_namespace_that_is_not_there(tmp_path):
    with pytest.raises(errors.Missing, match="there is no network namespace nowhere"):
        processes.spawn(["sleep", "60"], log=tmp_path / "log", reference="nowhere")
