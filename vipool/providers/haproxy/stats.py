"""What a running HAProxy says about itself, parsed: `show stat`, `show servers state` (management guide, 9.1 and 9.3).

Promises: pure; rows of proxies and servers that vipool did not name are passed over. Does not ask.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vipool.core import ledger
from vipool.model import spec
from vipool.providers import base

# One column each of `show servers state`, version 1: srv_op_state, srv_admin_state, srv_uweight, srv_iweight.
_OPERATION, _ADMIN, _WEIGHT, _INITIAL_WEIGHT = 5, 6, 7, 8
_COLUMNS = 18
# Of `show stat`: up to and with `weight`.
_READ = 19
# SRV_ST_STOPPED, of srv_op_state.
_STOPPED = "0"
# The bit of srv_admin_state that puts a server in maintenance, by command or by configuration. (0x04 only remembers
# that the configuration did, and stays when a command has ended it.)
_MAINTENANCE = 0x01

Name = tuple[str, str]
"""A server: its backend's name and its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server as it runs: whether it is in maintenance or down, its weight, and the line that says so."""

    maintenance: bool
    weight: int
    down: bool = False
    line: tuple[str, ...] = ()


def states(text: str) -> dict[Name, Server]:
    """The servers in an answer to `show servers state`."""
    found = {}
    for line in text.splitlines():
        words = tuple(line.split())
        if len(words) < _COLUMNS or words[0].startswith("#") or ":" not in words[1]:
            continue
        found[words[1], words[3]] = Server(
            maintenance=bool(int(words[_ADMIN]) & _MAINTENANCE),
            weight=int(words[_WEIGHT]),
            down=words[_OPERATION] == _STOPPED,
            line=words,
        )
    return found


def carried(servers: Mapping[Name, Server], wanted: Mapping[Name, int]) -> str:
    """The server-state file for the next process: health survives, for the checked servers that `wanted` names with
    their weights. Maintenance and weight are the configuration's to say, and one in maintenance has no health: it would
    stay down until its next check."""
    lines = ["1"]
    for name, weight in wanted.items():
        server = servers.get(name)
        if server is not None and not server.maintenance:
            words = list(server.line)
            words[_ADMIN], words[_WEIGHT], words[_INITIAL_WEIGHT] = "0", str(weight), str(weight)
            lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def rows(text: str) -> Iterator[Mapping[str, str]]:
    """The rows of an answer to `show stat`: the first columns by name, which hold no commas, of about a hundred."""
    header, _, rest = text.removeprefix("# ").partition("\n")
    names = header.split(",", _READ)[:_READ]
    found = (dict(zip(names, line.split(",", _READ), strict=False)) for line in rest.splitlines() if line)
    # The ways of metrics are nobody's listener or pool.
    return (row for row in found if row["pxname"] not in base.OF_METRICS)


def observation(found: Iterable[Mapping[str, str]]) -> spec.Observation:
    """The states that the rows tell. A pool that answers two listeners is taken from the first (OCTAVIA-SPEC 3.5)."""
    frontends: dict[str, str] = {}
    backends: dict[str, str] = {}
    servers: dict[str, str] = {}
    for row in found:
        proxy, name = row["pxname"], row["svname"]
        if name == "FRONTEND":
            frontends[proxy] = frontend_state(row)
        elif name == "BACKEND" and ":" in proxy:
            backends.setdefault(proxy.partition(":")[0], "up" if row["status"] == "UP" else "down")
        elif ":" in proxy:
            servers.setdefault(name, server_state(row))
    return spec.Observation(frontends=frontends, backends=backends, servers=servers, counters={})


def counts(found: Iterable[Mapping[str, str]]) -> dict[str, ledger.Count]:
    """What the rows count since their process started: of listeners, and of members behind each listener."""
    counted: dict[str, ledger.Count] = {}
    for row in found:
        proxy, name = row["pxname"], row["svname"]
        if name == "FRONTEND":
            counted[proxy] = ledger.Count(owners=(proxy,), counters=_counters(row, "ereq"))
        elif name != "BACKEND" and ":" in proxy:
            counted[f"{proxy}/{name}"] = ledger.Count(owners=(name,), counters=_counters(row, "econ", "eresp"))
    return counted


def frontend_state(row: Mapping[str, str]) -> str:
    """`open`, `full` or `closed`. HAProxy 2.6 calls a full frontend OPEN: the limit and the sessions tell."""
    if row["status"] not in {"OPEN", "FULL"}:
        return "closed"
    return "full" if 0 < _number(row, "slim") <= _number(row, "scur") else "open"


def server_state(row: Mapping[str, str]) -> str:
    """The state of a server in the words of `spec.Observation`."""
    status = row["status"]
    match status.split(" ")[0]:
        case "no":  # "no check"
            return "no_check"
        case "MAINT":
            return "maint"
        case "DRAIN":
            return "drain"
        case "UP":
            return "drain" if _number(row, "weight") == 0 else "up"
        case _:  # DOWN, NOLB, with or without "n/m"
            return "down"


def _counters(row: Mapping[str, str], *errors: str) -> spec.Counters:
    """The counters of a row; `errors` are the columns of what went wrong (management guide, 9.1)."""
    return spec.Counters(
        active_connections=_number(row, "scur"),
        bytes_in=_number(row, "bin"),
        bytes_out=_number(row, "bout"),
        request_errors=sum(_number(row, each) for each in errors),
        total_connections=_number(row, "stot"),
    )


def _number(row: Mapping[str, str], column: str) -> int:
    return int(row[column] or 0)
