"""Everything an operator can choose, as one frozen value that is read once and passed down.

Sources, the first one that speaks wins: the command line, the environment (`VIPOOL_…`), `vipool.toml` in the state
directory, the defaults. Also the one place that knows how the state directory is laid out.

Promises: what it returns makes sense as a whole; what does not is refused with a sentence. Creates nothing, binds
nothing.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from vipool.core import policy
from vipool.model import deployment
from vipool.settings import balancing, tables

DEFAULT_LISTEN = "127.0.0.1:9876"
"""Port 9876 is Octavia's; loopback, because the API is plain HTTP until somebody decides otherwise."""

ROOT_STATE_DIR = Path("/var/lib/vipool")

LONGEST_STATE_DIR = 107 - len("/run/agent.sock")
"""Bytes. A unix socket's path has room for 107 and a final zero (unix(7))."""

KEYS = frozenset({"listen", "sandbox", "healthcheck", "octavia", "policy"})
"""What vipool.toml may say at its top."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_T = TypeVar("_T", bool, str)


class Invalid(Exception):
    """A setting that makes no sense; `str()` of it is a sentence that names the setting and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the API listens. `port` 0 means: any free one, chosen when it is bound."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def everywhere(self) -> bool:
        """Whether this is every address of the machine (0.0.0.0 or ::)."""
        return _is_unspecified(self.host)

    @property
    def reachable(self) -> Address:
        """The address a client on this machine uses: loopback where `host` stands for every address."""
        if not self.everywhere:
            return self
        return Address(host="::1" if ":" in self.host else "127.0.0.1", port=self.port)

    @property
    def url(self) -> str:
        """The API as a client on this machine reaches it, without a final slash."""
        return f"http://{self.reachable}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one vipool on one machine was told.

    `state_dir` is absolute. `sandboxed` says that the agent and its data plane live in private namespaces (always so
    without root). `listen_fd` is the number of an inherited listening socket; it is None where the server must bind
    `listen` itself. `admin_password` is what VIPOOL_ADMIN_PASSWORD asked for on a first start; from then on
    `admin_password_file` counts. `allowed` and `rules` say what users of load balancers may have, and who may do what.
    `healthcheck` says whether the load-balancer service tells anybody that it is well.
    """

    state_dir: Path
    listen: Address
    sandboxed: bool
    listen_fd: int | None = None
    admin_password: str | None = field(default=None, repr=False)
    allowed: deployment.Deployment = deployment.USUAL
    rules: policy.Policy = field(default_factory=policy.make, repr=False)
    healthcheck: bool = False

    @property
    def database(self) -> Path:
        """The embedded SQLite database."""
        return self.state_dir / "vipool.db"

    @property
    def run_dir(self) -> Path:
        """Sockets, process ids and other things that mean nothing after a reboot."""
        return self.state_dir / "run"

    @property
    def log_dir(self) -> Path:
        """One log per child of `vipool up`."""
        return self.state_dir / "log"

    @property
    def agent_socket(self) -> Path:
        """The unix socket on which the server answers its agent."""
        return self.run_dir / "agent.sock"

    @property
    def ready_file(self) -> Path:
        """Written by the server once its agent has reported; removed by `vipool up` before it starts anything."""
        return self.run_dir / "ready"

    @property
    def lock_file(self) -> Path:
        """Locked for as long as a `vipool up` of this state directory runs."""
        return self.run_dir / "lock"

    @property
    def up_file(self) -> Path:
        """What the last `vipool up` was told and which processes it runs; kept until `vipool down`."""
        return self.run_dir / "up.json"

    @property
    def sandbox_file(self) -> Path:
        """Which process holds the sandbox."""
        return self.run_dir / "sandbox.json"

    @property
    def balancers_dir(self) -> Path:
        """One directory per load balancer, kept by the agent."""
        return self.state_dir / "loadbalancers"

    @property
    def marks_dir(self) -> Path:
        """The names of the namespaces that are vipool's, kept by the agent."""
        return self.state_dir / "namespaces"

    @property
    def token_key_file(self) -> Path:
        """The key with which the server signs tokens."""
        return self.state_dir / "token-key"

    @property
    def secret_key_file(self) -> Path:
        """The keys under which payloads of secrets are sealed, the newest first."""
        return self.state_dir / "secret-key"

    @property
    def layout_file(self) -> Path:
        """The number of the layout described by this class, so that an older vipool can refuse a newer directory."""
        return self.state_dir / "layout"

    @property
    def admin_password_file(self) -> Path:
        """The password of the first administrator, mode 0600."""
        return self.state_dir / "admin-password"

    @property
    def clouds_file(self) -> Path:
        """A clouds.yaml with the cloud `vipool`, mode 0600."""
        return self.state_dir / "clouds.yaml"

    @property
    def openrc_file(self) -> Path:
        """The same as environment variables for a shell, mode 0600."""
        return self.state_dir / "openrc"

    @property
    def toml_file(self) -> Path:
        """The operator's own choices; never written by vipool."""
        return self.state_dir / "vipool.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line said; None where it said nothing."""

    state_dir: Path | None = None
    listen: str | None = None
    sandbox: bool | None = None
    listen_fd: int | None = None


def read(given: Given, environ: Mapping[str, str], uid: int) -> Settings:
    """Return the settings of the user `uid`; raise `Invalid` for anything that makes no sense.

    Without root, sandboxed is the only possibility, so it is the default there and its contrary is refused.
    """
    state_dir = given.state_dir or _path(environ, "VIPOOL_STATE_DIR") or default_state_dir(environ, uid)
    table = _table(state_dir / "vipool.toml")
    sandbox = _first(given.sandbox, _switch(environ, "VIPOOL_SANDBOX"), _toml(table, "sandbox", bool))
    if uid != 0 and sandbox is False:
        raise Invalid("Only root can serve the host: run vipool as root, or leave the sandbox on.")
    if len(os.fsencode(state_dir.absolute())) > LONGEST_STATE_DIR:
        raise Invalid(f"{state_dir} is too long for a state directory (unix sockets live in it): use a shorter path.")
    password = environ.get("VIPOOL_ADMIN_PASSWORD")
    if password is not None:
        _check_password(password)
    try:
        allowed = balancing.allowed(_subtable(table, "octavia"))
        rules = balancing.rules(_subtable(table, "policy"), state_dir)
    except tables.Unfit as error:
        raise Invalid(str(error)) from error
    return Settings(
        state_dir=state_dir.absolute(),
        listen=parse_address(
            given.listen or environ.get("VIPOOL_LISTEN") or _toml(table, "listen", str) or DEFAULT_LISTEN
        ),
        sandboxed=uid != 0 if sandbox is None else sandbox,
        listen_fd=given.listen_fd,
        admin_password=password,
        allowed=allowed,
        rules=rules,
        healthcheck=_toml(table, "healthcheck", bool) or False,
    )


def default_state_dir(environ: Mapping[str, str], uid: int) -> Path:
    """Return where state is kept when nobody says: by the FHS for root, by the XDG base directories for others."""
    if uid == 0:
        return ROOT_STATE_DIR
    if state_home := environ.get("XDG_STATE_HOME"):
        return Path(state_home) / "vipool"
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / "vipool"
    raise Invalid("There is no home directory to keep state in: set HOME, or name a directory with --state-dir.")


def parse_address(text: str) -> Address:
    """Read HOST:PORT, with an IPv6 host in brackets; raise `Invalid` for anything else."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not _is_ipv6(host):
            raise Invalid(f"'{text}' is no address to listen on: '{host}' is not an IPv6 address.")
    elif ":" in host:
        raise Invalid(f"'{text}' is no address to listen on: write an IPv6 host in brackets, as in [::1]:9876.")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= 5 else -1
    if not colon or host.split() != [host] or not 0 <= number <= 65535:
        raise Invalid(f"'{text}' is no address to listen on: give HOST:PORT, for example {DEFAULT_LISTEN}.")
    return Address(host=host, port=number)


def _check_password(password: str) -> None:
    if not password or not password.isprintable() or password != password.strip():
        raise Invalid(
            "VIPOOL_ADMIN_PASSWORD must be printable, not empty, and neither begin nor end with a space:"
            " change it, or unset it to have one made."
        )


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _switch(environ: Mapping[str, str], name: str) -> bool | None:
    word = environ.get(name, "").lower()
    if not word:
        return None
    if word not in _TRUE | _FALSE:
        raise Invalid(f"{name} is '{word}': give 1 or 0.")
    return word in _TRUE


def _table(path: Path) -> Mapping[str, object]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} is not valid TOML: {error}.") from error
    if unknown := sorted(set(table) - KEYS):
        raise Invalid(f"{path} sets {', '.join(unknown)}, which does not exist: {', '.join(sorted(KEYS))} do.")
    return table


def _subtable(table: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise Invalid(f"{name} in vipool.toml is {found!r}: a table is needed.")
    return found


def _toml(table: Mapping[str, object], name: str, kind: type[_T]) -> _T | None:
    value = table.get(name)
    if value is not None and type(value) is not kind:
        raise Invalid(f"{name} in vipool.toml is {value!r}: a {'string' if kind is str else 'boolean'} is needed.")
    return value


def _first(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
