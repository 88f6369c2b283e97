"""`vipool trace` as people type it, against a server that knows the picture."""

from __future__ import annotations

import dataclasses
import datetime
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.net import answering
from tests.net import scene as scenes
from vipool.model import attr, condition

WEBS = (("WEB1", scenes.WEB1), ("WEB2", scenes.WEB2))


@pytest.fixture
def scene(tmp_path):
    with scenes.built(tmp_path) as made:
        yield made


@pytest.fixture
def state(tmp_path):
    with answering.answering(tmp_path / "s", *scenes.described(*WEBS)):
        yield tmp_path / "s"


def trace(state, *words):
    return command(state, "trace", *words)


def command(state, name, *words):
    whole = [sys.executable, "-m", "vipool", name, "--state-dir", str(state), *words]
    return subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)


def test_the_picture_is_printed_in_ten_steps(scene, state):
    scene.serve("web1")
    scene.serve("web2")
    scene.balance(scenes.WEB1, scenes.WEB2)
    done = trace(state, scenes.FLOATING, "--count", "3")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert sum("→" in line for line in lines) == 10
    assert lines[-1].startswith("3 requests. WEB1 172.16.100.9:80: ")
    assert lines[-1].endswith("lost: 0.")


def test_scripts_get_one_document(scene, state):
    scene.serve("web1")
    scene.balance(scenes.WEB1)
    done = trace(state, f"{scenes.FLOATING}:80", "--json", "--from", "client", "--path", "/x?y=1")
    assert done.returncode == 0, done.stderr
    (request,) = json.loads(done.stdout)["requests"]
    assert (request["answer"], request["member"]) == ("HTTP/1.1 200 OK", "WEB1 172.16.100.9:80")
    assert [step["number"] for step in request["steps"]] == list(range(1, 11))


def test_a_datagram_that_nobody_takes_is_told_as_a_datagram(scene, state):
    done = trace(state, f"{scenes.FLOATING}:81", "--protocol", "udp", "--payload", "0x00ff", "--json")
    assert done.returncode == 1, done.stderr
    (request,) = json.loads(done.stdout)["requests"]
    assert (request["protocol"], request["opened_ns"]) == ("UDP", None)
    assert request["loss"]["sentence"].endswith("(ICMP) for UDP port 81: it has no listener there.")
    assert [step["carries"] for step in request["steps"]] == ["data"] * 3


NOBODY = condition.Condition(
    id="c",
    loadbalancer_id=scenes.BALANCER,
    project_id="p",
    name=condition.Name.MEMBER_UNREACHABLE,
    since=datetime.datetime(2026, 11, 23, 12),
    object_type=condition.About.MEMBER,
    object_id="WEB1",
    address=scenes.WEB1,
    message="Nobody answers for it.",
)


def test_what_is_wrong_with_the_load_balancer_is_told_beside_what_became_of_the_request(scene, tmp_path):
    other = dataclasses.replace(NOBODY, id="d", loadbalancer_id="another", message="It is none of ours.")
    with answering.answering(tmp_path / "s", *scenes.described(*WEBS), conditions=(NOBODY, other)):
        told, document = (trace(tmp_path / "s", f"{scenes.FLOATING}:81", *more) for more in ((), ("--json",)))
        named = command(tmp_path / "s", "conditions", scenes.BALANCER)
        everything = command(tmp_path / "s", "conditions", "--json")
    paragraph = (
        f"MemberUnreachable since 2026-11-23T12:00:00: load balancer {scenes.BALANCER}, member WEB1 {scenes.WEB1}\n"
        "    Nobody answers for it.\n"
    )
    assert told.stdout.endswith(f"\n\n{paragraph}")
    assert json.loads(document.stdout)["conditions"] == [attr.show(NOBODY)]
    assert (named.returncode, named.stdout) == (1, paragraph)
    assert json.loads(everything.stdout) == [attr.show(NOBODY), attr.show(other)]


def test_where_nothing_is_wrong_that_is_said(state, tmp_path):
    done = command(state, "conditions")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Nothing is wrong.\n", "")
    nowhere = command(tmp_path, "conditions")
    assert nowhere.returncode == 1
    assert "start it with `vipool up`" in nowhere.stderr


def test_a_lost_request_is_exit_code_one(scene, state):
    done = trace(state, f"{scenes.FLOATING}:81")
    assert done.returncode == 1, done.stderr
    assert "The load balancer has no listener on port 81: it answered RST." in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["192.0.2.1"], "is neither a VIP nor a floating IP"),
        ([f"{scenes.FLOATING}:0"], "is no port"),
        ([f"{scenes.FLOATING}:http"], "is no port"),
        ([scenes.FLOATING, "--from", "nowhere"], "There is no network namespace nowhere"),
        ([scenes.FLOATING, "--from", "../etc"], "There is no network namespace"),
        ([scenes.FLOATING, "--from", "pid:x"], "is no process id"),
        ([scenes.FLOATING, "--path", "no slash"], "is no path of a URL"),
        ([scenes.FLOATING, "--path", "/a\r\nX: y"], "is no path of a URL"),
        ([scenes.FLOATING, "--payload", "x"], "--payload is what a datagram holds, and TCP is asked here"),
        ([f"{scenes.FLOATING}:53", "--protocol", "udp", "--path", "/"], "and UDP is asked here: give --payload"),
        ([f"{scenes.FLOATING}:53", "--protocol", "UDP", "--payload", "0xz"], "no pairs of hexadecimal digits"),
        ([scenes.FLOATING, "--protocol", "sctp"], "--protocol"),
        ([scenes.FLOATING, "--count", "0"], "--count"),
        ([scenes.FLOATING, "--timeout", "nan"], "--timeout"),
        ([], "ADDRESS"),
    ],
)
def test_what_cannot_be_traced_is_exit_code_two_and_a_sentence(state, words, sentence):
    done = trace(state, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_waiting_for_others_ends_with_ctrl_c(scene, state):
    words = ("-m", "vipool", "trace", "--state-dir", str(state), scenes.FLOATING, "--passive")
    with subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True) as waiting:
        table = Path("/proc/net/packet")
        deadline = time.monotonic() + 20
        # One line for each socket under a heading: router outside and inside, load balancer, two members.
        while len(table.read_text().splitlines()) < 6:
            assert time.monotonic() < deadline
            time.sleep(0.01)  # a table of the kernel cannot be awaited
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=20)
    assert (waiting.returncode, said) == (130, "")


def test_no_server_is_exit_code_two_and_says_how_to_start_one(tmp_path):
    done = trace(tmp_path, scenes.VIP)
    assert done.returncode == 2
    assert "start it with `vipool up`" in done.stderr
