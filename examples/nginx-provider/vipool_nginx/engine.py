"""The hand of the nginx provider on a node: one nginx per load balancer, reloaded when its configuration changes.

Promises: what is there is read from the node each time. `nginx.conf.next` stands beside `nginx.conf` while a change is
under way, so that one that was cut short is seen and made again; what nginx refuses leaves the last good state serving.
"""

import contextlib
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vipool.core import enabled, ledger, numbering
from vipool.host import files, namespaces, nft, processes
from vipool.model import spec, tree, wiring
from vipool.providers import base, counting
from vipool_nginx import render

TEXT, NEXT, LOG, TOTALS = "nginx.conf", "nginx.conf.next", "error.log", "counters.json"
_WORKER = "nginx: worker process"
_COUNT = re.compile(r"(0x[0-9a-f]+) counter packets (\d+) bytes (\d+)")


class Engine:
    """nginx's, as `vipool.providers.base.Engine` asks for it. It remembers nothing: all is on the node."""

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        """See `vipool.providers.base.Engine.rules`. They only count."""
        return wiring.Rules(ruleset=render.rules(wanted))

    def converge(self, place: base.Place, wanted: tree.Tree, materials: Mapping[str, str] = spec.NO_MATERIALS) -> str:
        """See `vipool.providers.base.Engine.converge`. It asks for no material."""
        directory = files.directory(Path(place.directory))
        text, before, master = render.configuration(wanted), _read(directory / TEXT), _master(directory)
        if not text:
            return "nginx stopped: no listener is served" if _stop(place) else ""
        if master and before == text and not (directory / NEXT).exists():
            return ""
        files.write(directory / NEXT, text)
        try:
            _nginx(place, "-t", "-c", NEXT)
            files.write(directory / TEXT, text)
            if master:
                _reload(place, master)
            else:
                processes.stop(_every(place))  # workers whose master was killed go on, and hold the ports
                _nginx(place, "-c", TEXT)
                # It goes into the background first, and says there who it is.
                _await(lambda: _master(directory) is not None, "nginx did not say who it is in time")
        except base.Broken:
            files.write(directory / TEXT, before)
            (directory / NEXT).unlink()
            raise
        (directory / NEXT).unlink()
        return "nginx reloaded" if master else "nginx started"

    def observe(self, place: base.Place, wanted: tree.Tree) -> spec.Observation | None:
        """See `vipool.providers.base.Engine.observe`. Nobody is checked, so nobody is down."""
        if _master(Path(place.directory)) is None:
            return None
        fronts = tuple(enabled.listeners(wanted))
        behind = (enabled.pool_of(wanted, each.default_pool_id) for each in fronts)
        backs = {back.id: wanted.members_of(back.id) for back in behind if back}
        able = {key: [each for each in rows if each.admin_state_up and each.weight] for key, rows in backs.items()}
        return spec.Observation(
            frontends={each.id: "open" for each in fronts},
            backends={key: "up" if able[key] or not rows else "down" for key, rows in backs.items()},
            servers={each.id: "no_check" if each.admin_state_up else "maint" for one in backs.values() for each in one},
            counters=_totals(place, wanted),
        )

    def remove(self, place: base.Place) -> None:
        """See `vipool.providers.base.Engine.remove`."""
        _stop(place)
        shutil.rmtree(place.directory, ignore_errors=True)

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        """See `vipool.providers.base.Engine.watch`."""
        directories = {each.namespace: Path(each.directory) for each in places}
        return {name: base.GONE for name, each in directories.items() if _read(each / TEXT) and not _master(each)}


def _read(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return path.read_text(errors="replace")
    return ""


def _nginx(place: base.Place, *words: str) -> None:
    """Run nginx in the namespace. Raises Broken with what it complains of."""
    if not Path(render.MODULE).exists():
        raise base.Broken("there is no nginx with streams on this node: apt-get install nginx libnginx-mod-stream")
    if "deny" in _read(Path("/proc/self/setgroups")):
        raise base.Broken("nginx must become another user, which a sandbox made without root forbids; be root")
    argv = ["nginx", "-p", place.directory, "-e", LOG, *words]
    done = processes.run(argv, reference=place.namespace, environment=processes.BARE)
    if done.code:
        raise base.Broken(f"nginx refused: {_complaints(done.complaint) or done.complaint.strip()}")


def _complaints(text: str) -> str:
    return "; ".join(dict.fromkeys(re.findall(r"\[emerg\] (?:[\d#]+: )?(.+)", text)))


def _title(process: processes.Process) -> str:
    return _read(Path(f"/proc/{process.pid}/cmdline")).rstrip("\0 ")


def _master(directory: Path) -> processes.Process | None:
    """The nginx that the pid file names, when it is one of this directory and runs."""
    number = _read(directory / "nginx.pid").strip()
    found = processes.find(int(number)) if number.isdecimal() else None
    return found if found and f"-p {directory} " in _title(found) else None


def _every(place: base.Place, title: str = "nginx: .*") -> set[processes.Process]:
    """Every nginx of the namespace, or those of that title."""
    there = processes.inside(place.namespace) if namespaces.exists(place.namespace) else ()
    return {each for each in there if re.fullmatch(title, _title(each))}


def _reload(place: base.Place, master: processes.Process) -> None:
    """Have the workers replaced. Raises Broken when nginx would not, NotNow when it did not in time."""
    log = Path(place.directory) / LOG
    old, known = _every(place, _WORKER), len(_read(log))
    processes.send(master, signal.SIGHUP)

    def changed() -> bool:
        # It has given up once it complains of anything but an attempt.
        if re.search(r"\[emerg\](?!.*: bind\(\) to )", said := _read(log)[known:]):
            raise base.Broken(f"nginx refused: {_complaints(said)}")
        # The old ones change their title once they take nothing new.
        now = _every(place, _WORKER)
        return bool(now) and not now & old

    _await(changed, "nginx did not change its workers in time")


def _await(reached: Callable[[], bool], complaint: str) -> None:
    until = time.monotonic() + 10.0  # seconds: for a port it tries five times, half a second apart
    while not reached():
        if time.monotonic() > until:
            raise base.NotNow(complaint)
        time.sleep(0.01)  # nginx tells nobody


def _stop(place: base.Place) -> bool:
    """End every nginx of the place; whether there was one. First what says that one should run goes."""
    for name in (TEXT, NEXT):
        Path(place.directory, name).unlink(missing_ok=True)
    processes.stop(found := _every(place))
    return bool(found)


def _totals(place: base.Place, wanted: tree.Tree) -> Mapping[str, spec.Counters]:
    """What the kernel counted since the listeners were made; kept in the directory before it is told."""
    numbers = numbering.numbers(each.id for each in wanted.listeners)
    printed = [nft.read(place.namespace, f"list set inet {render.TABLE} {name}") for name in render.COUNTED]
    counted = [{int(a, 16): (int(b), int(c)) for a, b, c in _COUNT.findall(each)} for each in printed]
    seen = {}
    for each in enabled.listeners(wanted):
        (flows, _), (_, inward), (_, outward) = (found.get(numbers[each.id], (0, 0)) for found in counted)
        counters = spec.Counters(total_connections=flows, bytes_in=inward, bytes_out=outward)
        seen[each.id] = ledger.Count(owners=(each.id,), counters=counters)
    book = counting.Book(path=Path(place.directory) / TOTALS)
    return book.advance(book.read(), "kernel", seen, wanted).listeners
