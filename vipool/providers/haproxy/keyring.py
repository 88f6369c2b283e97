"""Certificates, authorities and revocation lists as files of a load balancer's directory.

Promises: what HAProxy could not read is found before it is written; a file is readable by its owner alone, and whole or
not there; when what needed other files could not be done, the old ones are back. Says nothing of what is in a file.
Which there are is said elsewhere (`pem`).
"""

import contextlib
import os
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from vipool.core import enabled
from vipool.host import files
from vipool.model import tree
from vipool.providers.haproxy import pem


def usable(wanted: tree.Tree, texts: Mapping[str, str]) -> dict[str, str]:
    """The texts, by reference, that can be what the tree needs them for: a certificate has its key, and so on."""
    # Listeners share certificates, and to read one takes a millisecond: each is read once for each use it has.
    uses = {(need.role, need.reference) for front in enabled.listeners(wanted) for need in pem.needs(wanted, front)}
    bad = {
        reference
        for role, reference in uses
        if reference in texts and not _readable(role, pem.sections(texts[reference]))
    }
    return {reference: text for reference, text in texts.items() if reference not in bad}


def left_out(wanted: tree.Tree, texts: Mapping[str, str]) -> Iterator[str]:
    """Which listeners are left out, and for want of what, in words."""
    for front in enabled.listeners(wanted):
        wants = sorted({need.reference for need in pem.needs(wanted, front)} - texts.keys())
        if wants:
            yield f"listener {front.id} is left out: {', '.join(wants)} is missing or unreadable"


@contextlib.contextmanager
def placed(directory: Path, wanted: Sequence[pem.File]) -> Iterator[None]:
    """Have these files there and no others while the block runs, and after it; those that were there if it raises."""
    before = {path: (directory / path).read_bytes() for path in _there(directory)}
    try:
        write(directory, wanted)
        tidy(directory, [each.path for each in wanted])
        yield
    except BaseException:
        for path, content in before.items():
            _write(directory, path, content)
        tidy(directory, before)
        raise


def write(directory: Path, wanted: Sequence[pem.File]) -> None:
    """Have the files there."""
    for each in wanted:
        _write(directory, each.path, each.text)


def tidy(directory: Path, kept: Collection[str]) -> None:
    """Remove every other file, also half a file that a crash left, and folders with nothing in them."""
    for path in _there(directory):
        if path not in kept:
            (directory / path).unlink(missing_ok=True)
    top = directory / pem.FOLDER
    for folder in (*top.glob("*/"), top):
        with contextlib.suppress(OSError):  # it is not empty, or not there
            folder.rmdir()


def _there(directory: Path) -> list[str]:
    found = (directory / pem.FOLDER).rglob("*")
    return [str(path.relative_to(directory)) for path in found if path.is_file()]


def _write(directory: Path, path: str, content: str | bytes) -> None:
    files.directory(directory / pem.FOLDER)
    files.directory((directory / path).parent)
    files.write_if_changed(directory / path, content)


def _readable(role: pem.Role, text: str) -> bool:
    """Whether OpenSSL reads the text as what it is to be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        with _anonymous(text) as path:
            match role:
                case pem.Role.SHOWN | pem.Role.OURS:
                    # The empty password: HAProxy could not ask for one either.
                    context.load_cert_chain(path, password="")
                    return True
                case pem.Role.AUTHORITIES:
                    context.load_verify_locations(path)
                    return context.cert_store_stats()["x509"] > 0
                case pem.Role.REVOCATIONS:
                    context.load_verify_locations(path)
                    return context.cert_store_stats()["crl"] > 0
                case _:
                    assert_never(role)
    except (ssl.SSLError, ValueError):
        return False


@contextlib.contextmanager
def _anonymous(text: str) -> Iterator[str]:
    """A path under which the text can be read for as long as the block runs; it is on no disk."""
    with os.fdopen(os.memfd_create("material", os.MFD_CLOEXEC), "w") as file:
        file.write(text)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
