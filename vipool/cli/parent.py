"""What `vipool up` is: all of vipool on this machine, as a small parent of two children, the server and the agent.

The order is: take the state directory, bind the address, write what a first start needs, have a sandbox if one is
wanted, start the children, wait until the agent has reported to the server, say how to use it, keep them alive until
told to stop.

Promises: what it cannot do it says before it starts anything. It imports neither the server nor the agent, so it is
ready to answer a signal at once and stays small. Stopping leaves the data plane as it is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path

import vipool
from vipool import settings
from vipool.cli import credentials, directory, record
from vipool.host import children, errors, listening, marks, sandbox

_READY_WITHIN = 60.0
"""Seconds until a start counts as failed."""

_LOOK_EVERY = 0.02
"""Seconds between two looks for the ready file, while starting only: Python cannot wait for a file."""

_ENDS_ALLOWED = 2
"""How often a child may end before it was ever ready; one end may be bad luck, more will not get better."""


PYTHON = (sys.executable, "-m", "vipool")
"""How this vipool is run again, with `environment()`."""


def run(chosen: settings.Settings, *, as_json: bool) -> int:
    """Be `vipool up` until told to stop; return the exit code.

    Raises `settings.Invalid` or `errors.HostError` for what cannot be done, before anything was started.
    """
    directory.prepare(chosen)
    with directory.locked(chosen, "vipool up"), children.StopRequests().listening() as stops:
        _check_mode(chosen)
        with listening.bind(chosen.listen.host, chosen.listen.port) as listener:
            at = dataclasses.replace(chosen.listen, port=listener.getsockname()[1])
            _serve(dataclasses.replace(chosen, listen=at, listen_fd=listener.fileno()), stops, as_json)
    return 0


def words(chosen: settings.Settings) -> tuple[str, ...]:
    """Return the options that lead to `chosen` again."""
    sandboxed = "--sandbox" if chosen.sandboxed else "--no-sandbox"
    return ("--state-dir", str(chosen.state_dir), "--listen", str(chosen.listen), sandboxed)


def environment() -> dict[str, str]:
    """Return this process's environment, with a vipool that is not installed still found from another directory."""
    above = str(Path(vipool.__file__).parent.parent)
    paths = dict.fromkeys(filter(None, (above, *os.environ.get("PYTHONPATH", "").split(os.pathsep))))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _serve(chosen: settings.Settings, stops: children.StopRequests, as_json: bool) -> None:
    password = credentials.ensure_password(chosen)
    credentials.write_clients(chosen)
    holder = sandbox.hold(chosen.sandbox_file) if chosen.sandboxed else None
    _warn(chosen)
    _await_last_children(chosen)
    chosen.ready_file.unlink(missing_ok=True)
    family = children.Family(_programs(chosen, holder), stops, say=_say, changed=lambda: _write_record(chosen, family))
    try:
        began = time.monotonic()
        while not stops.count and not _ready(chosen):
            _give_up_if_hopeless(family, began)
            family.tend(_LOOK_EVERY)
        if not stops.count:
            print(_as_json(chosen, password) if as_json else _greeting(chosen, password), flush=True)
        while not stops.count:
            family.tend()
    finally:
        family.stop()
        chosen.ready_file.unlink(missing_ok=True)
    if not as_json:
        print("Stopped. Traffic flows on; `vipool down` ends it.", flush=True)


def _check_mode(chosen: settings.Settings) -> None:
    """Refuse to serve the host beside a living sandbox, or to open a sandbox beside a served host."""
    way_out = f"or end that first with `vipool down --state-dir {chosen.state_dir}`"
    if not chosen.sandboxed and (holder := sandbox.find(chosen.sandbox_file)):
        raise errors.Busy(
            f"The data plane of {chosen.state_dir} runs in a sandbox (process {holder.pid}): add --sandbox, {way_out}."
        )
    last = record.read(chosen.up_file)
    if chosen.sandboxed and last and not last.sandboxed and last.up.boot == marks.boot():
        raise errors.Busy(f"The data plane of {chosen.state_dir} runs on the host: leave --sandbox out, {way_out}.")


def _await_last_children(chosen: settings.Settings) -> None:
    """Two agents, or two servers, of one state directory must not overlap, even when the last parent was killed."""
    last = record.read(chosen.up_file)
    if last is not None:
        children.await_orphans(filter(None, map(marks.living, last.children.values())))


def _programs(chosen: settings.Settings, holder: sandbox.Holder | None) -> tuple[children.Program, ...]:
    inherited = environment()
    # Only the first start needs it, and that has written it down.
    inherited.pop("VIPOOL_ADMIN_PASSWORD", None)
    server = (*PYTHON, "server", "--supervised", *words(chosen), "--listen-fd", str(chosen.listen_fd))
    agent = (*PYTHON, "agent", "--supervised", *words(chosen))
    assert chosen.listen_fd is not None
    return (
        children.Program(
            name="server",
            command=server,
            environment=inherited,
            log=chosen.log_dir / "server.log",
            inherits=(chosen.listen_fd,),
        ),
        children.Program(
            name="agent",
            command=sandbox.entering(holder, agent) if holder else agent,
            environment=inherited,
            log=chosen.log_dir / "agent.log",
        ),
    )


def _ready(chosen: settings.Settings) -> bool:
    """Return whether the agent has reported and the API answers."""
    if not chosen.ready_file.exists():
        return False
    # By hand, because http.client would double the start-up time of this process.
    with contextlib.suppress(OSError), socket.create_connection(_address(chosen), timeout=2) as connection:
        connection.sendall(f"GET / HTTP/1.0\r\nHost: {chosen.listen.reachable}\r\n\r\n".encode())
        return connection.recv(16).startswith(b"HTTP/1.")
    return False


def _address(chosen: settings.Settings) -> tuple[str, int]:
    return chosen.listen.reachable.host, chosen.listen.port


def _give_up_if_hopeless(family: children.Family, began: float) -> None:
    for child in family.children.values():
        if child.ends >= _ENDS_ALLOWED:
            raise errors.Failed(f"starting the {child.program.name}", reason=_last_words(child.program.log))
    if time.monotonic() - began > _READY_WITHIN:
        logs = " and ".join(str(child.program.log) for child in family.children.values())
        raise errors.Failed("starting", reason=f"not ready after {_READY_WITHIN:.0f} s; see {logs}")


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"it keeps ending, last with '{lines[-1].strip() if lines else 'nothing said'}' (log: {log})"


def _write_record(chosen: settings.Settings, family: children.Family) -> None:
    me = marks.of(os.getpid())
    assert me is not None
    alive = {name: marks.of(child.pid) for name, child in family.children.items() if child.pid}
    with contextlib.suppress(errors.HostError):  # A full disk must not end what runs; the record is for people.
        record.write(
            chosen.up_file,
            record.Record(
                up=me,
                url=chosen.listen.url,
                sandboxed=chosen.sandboxed,
                children={name: mark for name, mark in alive.items() if mark},
            ),
        )


def _warn(chosen: settings.Settings) -> None:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    if not shutil.which("haproxy", path=path):
        _say("haproxy is missing, so no load balancer will serve: install it with `apt-get install haproxy`.")
    if chosen.listen.everywhere:
        _say("The API answers on every address of this machine, in plain HTTP.")


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # Nobody may read it any more; that is no reason to stop.
        print(f"vipool: {sentence}", file=sys.stderr, flush=True)


def _as_json(chosen: settings.Settings, password: str | None) -> str:
    told = {
        "url": chosen.listen.url,
        "state_dir": str(chosen.state_dir),
        "clouds_file": str(chosen.clouds_file),
        "openrc_file": str(chosen.openrc_file),
        "sandboxed": chosen.sandboxed,
    }
    if password is not None:
        told["admin_password"] = password
    return json.dumps(told)


def _greeting(chosen: settings.Settings, password: str | None) -> str:
    where = "in a sandbox that no packet can leave" if chosen.sandboxed else "on this host"
    if password is not None:
        known = f"admin, password {password} (shown once, kept in {chosen.admin_password_file})"
    else:
        known = f"admin, password in {chosen.admin_password_file}"
    return f"""\
vipool is up: {chosen.listen.url}, data plane {where}, state in {chosen.state_dir}
  {"sign in":<10}{known}
  {"try":<10}export OS_CLIENT_CONFIG_FILE={chosen.clouds_file}
  {"":<10}openstack --os-cloud vipool loadbalancer list
  {"stop":<10}Ctrl-C (traffic flows on); `vipool down` ends the data plane too"""
