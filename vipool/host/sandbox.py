"""Private namespaces for the agent and its data plane, from which no packet can leave, and the process that holds them.

The holder is process 1 of its own pid namespace, and the network, mount, IPC and UTS namespaces (and, without root, a
user namespace in which the caller is root) live as long as it does. It is nobody's child, so the control plane may
come and go. The only network device inside is a loopback of its own; nothing leads out. Killing the holder ends every
process inside (pid_namespaces(7)), and with them every namespace, device and mount.

Promises: a holder that is found again is the one that was recorded; one whose record could not be written does not
stay. The file system is shared with the host, except /run (or /run/netns), /proc and /sys.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vipool.host import errors, files, marks, processes

# Read by `sh`, as process 1 of the new pid namespace. $1 is where the private tmpfs goes.
# - /proc still shows the host's numbers in the first line, so a process that reads its own number there learns the
#   outer one.
# - A new sysfs is needed for /sys/class/net to show this network namespace; it would hide the cgroup file system.
#   Where it cannot be mounted (a container that masks /sys), the sandbox works without.
# - `read` waits until the caller has recorded the holder. If the caller dies before, the sandbox ends with it.
# - Orphans are inherited by process 1. If it ignores SIGCHLD the kernel reaps them (wait(2)); `env` sets that across
#   exec, where a shell's trap would not last.
_HOLDER = """
set -e
read -r pid rest < /proc/self/stat
echo "holder $pid"
mount -t proc -o nosuid,nodev,noexec proc /proc
mkdir -p "$1"
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs "$1"
mkdir -p /run/netns "$1/.sys"
if mount -t sysfs -o nosuid,nodev,noexec sysfs "$1/.sys" 2>/dev/null; then
    mount --rbind /sys/fs/cgroup "$1/.sys/fs/cgroup" 2>/dev/null || :
    mount --move "$1/.sys" /sys
fi
rmdir "$1/.sys"
ip link set lo up
echo held
read -r recorded
cd /
exec env --ignore-signal=CHLD sleep infinity </dev/null >/dev/null 2>&1
"""

# The first process that is started after unshare(CLONE_NEWPID) becomes process 1: here, the background shell. The shell
# before it ends at once. A background process would get /dev/null as its input, hence the detour over descriptor 3.
_START = 'exec 3<&0; sh -c "$0" holder "$1" <&3 3<&- &'

_NAMESPACES = ("--net", "--mount", "--pid", "--ipc", "--uts")
_CLONE_NEWUSER = 0x10000000
_CLONE_ALL_BUT_USER = 0x40000000 | 0x00020000 | 0x20000000 | 0x08000000 | 0x04000000
_PR_SET_PDEATHSIG = 1

_NO_USER_NAMESPACES = (
    "This system does not let you make namespaces ({reason}). Run vipool as root; or allow it to everybody: user"
    " namespaces can be forbidden by the sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone and"
    " kernel.apparmor_restrict_unprivileged_userns, and by a container's settings."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a sandbox. `rootless` says that a user namespace belongs to it."""

    mark: marks.Mark
    rootless: bool

    @property
    def pid(self) -> int:
        """The holder's process id, as the host counts."""
        return self.mark.pid


def find(record: Path) -> Holder | None:
    """Return the living holder that `record` names; None if there is none (any more)."""
    try:
        told = json.loads(record.read_text(encoding="utf-8"))
        holder = Holder(mark=marks.Mark(**told["mark"]), rootless=told["rootless"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        return None  # Half a record: the holder was told nothing after it, so it has ended.
    return holder if marks.living(holder.mark) else None


def hold(record: Path) -> Holder:
    """Return the living holder that `record` names, or make a sandbox and record its holder there.

    Raises `errors.Missing` where the system refuses namespaces or lacks a program.
    """
    if found := find(record):
        return found
    rootless = os.geteuid() != 0
    with _start(record, rootless) as process:
        pid = _await_held(process, rootless)
        mark = marks.of(pid)
        if mark is None:
            raise errors.Failed("making the sandbox", reason="its holder ended at once")
        holder = Holder(mark=mark, rootless=rootless)
        files.write(record, json.dumps(dataclasses.asdict(holder)))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("recorded\n")
        process.stdin.flush()
        process.stdout.read()  # until the holder has become what it will be, and holds no pipe
    return holder


def end(record: Path) -> bool:
    """End the holder that `record` names and with it everything inside; return whether there was one.

    When this returns, no process of the sandbox is left. Raises `errors.Failed` if the holder cannot be killed.
    """
    holder = find(record)
    process = marks.living(holder.mark) if holder else None
    if process:
        # Process 1 is deaf to anything milder from inside and, without a handler, from outside (pid_namespaces(7)).
        processes.send(process, signal.SIGKILL)
        processes.stop([process])
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        record.unlink()
    return process is not None


def entering(holder: Holder, command: Sequence[str]) -> tuple[str, ...]:
    """Return `command` as a host command that runs inside the sandbox, below a small nsenter(1) that waits for it."""
    user = ("--user", "--preserve-credentials") if holder.rootless else ()
    return ("nsenter", "--target", str(holder.pid), *_NAMESPACES, *user, "--", *command)


def run(holder: Holder, command: Sequence[str]) -> int:
    """Run `command` inside with this process's terminal; return its exit code, or minus the signal that ended it.

    This very process joins the sandbox: use it only where nothing else remains to be done. nsenter(1) would not do
    here: it dies of a Ctrl-C that its command survives, and passes no signal on. Raises FileNotFoundError or
    PermissionError as exec does.
    """
    directory = os.getcwd()
    _join(holder)
    # Joining a mount namespace moves to its root directory (setns(2)).
    with contextlib.suppress(OSError):
        os.chdir(directory)
    # The terminal sends these to the command as well, which decides what they mean. They are caught, not ignored,
    # because a command inherits what is ignored.
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, _nothing)
    relay = _Relay()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, relay)
    process = subprocess.Popen(command, preexec_fn=_die_with_parent)  # noqa: PLW1509 - this process has one thread
    relay.attach(process)
    return process.wait()


class _Relay:
    """A signal handler that passes signals on to a process, once there is one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int, _frame: object) -> None:
        if self._process:
            self._process.send_signal(number)
        else:
            self._early.append(number)

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on to `process` from now on, beginning with what came already."""
        self._process = process
        for number in self._early:
            process.send_signal(number)


def _start(record: Path, rootless: bool) -> subprocess.Popen[str]:
    # A state directory below /run must stay visible inside, so then only /run/netns is private.
    below_run = record.resolve().is_relative_to("/run")
    user = ("--user", "--map-root-user") if rootless else ()
    command = ("unshare", *_NAMESPACES, *user, "sh", "-c", _START, _HOLDER, "/run/netns" if below_run else "/run")
    try:
        # Its own session: neither a Ctrl-C nor a closing terminal concerns it.
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # What the holder is started with can be read in /proc for as long as it lives: no secret belongs there.
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
    except FileNotFoundError as error:
        raise errors.Missing("unshare is missing: install the package util-linux.") from error


def _await_held(process: subprocess.Popen[str], rootless: bool) -> int:
    """Return the holder's process id once the sandbox is complete."""
    assert process.stdout is not None
    pid, said = 0, ""
    for line in process.stdout:
        if line == "held\n":
            return pid
        if line.startswith("holder "):
            pid = int(line.split()[1])
        else:
            said += line
    reason = " ".join(said.split()) or "no reason given"
    if "ip: not found" in reason:
        raise errors.Missing("ip is missing: install the package iproute2.")
    if not pid:
        raise errors.Missing(_NO_USER_NAMESPACES.format(reason=reason))
    raise errors.Failed(f"making the sandbox{' without root' if rootless else ''}", reason=reason)


def _join(holder: Holder) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        handle = os.pidfd_open(holder.pid)
    except ProcessLookupError as error:
        raise errors.Missing("The sandbox has ended: start it again with `vipool up`.") from error
    try:
        # One call for all of them, so that a user namespace's rights count for the others (setns(2), Linux 5.8).
        if libc.setns(handle, _CLONE_ALL_BUT_USER | (_CLONE_NEWUSER if holder.rootless else 0)) != 0:
            raise errors.Failed(f"entering the sandbox (process {holder.pid})", number=ctypes.get_errno())
    finally:
        os.close(handle)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _nothing(_number: int, _frame: object) -> None:
    pass
