"""Certificates, authorities and revocation lists as files of a load balancer's directory.

Promises: what HAProxy could not read is found before it is written; a file is readable by its owner alone, and whole or
not there; when what needed new files could not be done, the old ones are back. Says nothing of what is in a file.
Which there are is said elsewhere (`tls`).
"""

import contextlib
import os
import shutil
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from vipool.host import files
from vipool.model import tree
from vipool.providers.haproxy import tls


def usable(wanted: tree.Tree, materials: Mapping[str, str]) -> dict[str, str]:
    """The materials that can be what the tree needs them for: a certificate has its key, an authority a certificate."""
    needs = [need for front in wanted.listeners for need in tls.needs(wanted, front)]
    bad = {
        need.reference
        for need in needs
        if need.reference in materials and not _readable(need.role, tls.sections(materials[need.reference]))
    }
    return {reference: text for reference, text in materials.items() if reference not in bad}


def missing(wanted: tree.Tree, materials: Mapping[str, str]) -> Iterator[str]:
    """Which listeners are left out, and for want of what, in words."""
    for front in wanted.listeners:
        wants = sorted({need.reference for need in tls.needs(wanted, front)} - materials.keys())
        if wants:
            yield f"listener {front.id} is left out: {', '.join(wants)} is missing or unreadable"


@contextlib.contextmanager
def placed(directory: Path, wanted: Sequence[tls.File]) -> Iterator[None]:
    """Have the files there while the block runs, and after it; those that were there before if it raises."""
    before = {each.path: _read(directory / each.path) for each in wanted}
    try:
        write(directory, wanted)
        yield
    except BaseException:
        for path, text in before.items():
            if text is None:
                (directory / path).unlink(missing_ok=True)
            else:
                files.write(directory / path, text)
        raise


def write(directory: Path, wanted: Sequence[tls.File]) -> None:
    """Have the files there."""
    for each in wanted:
        path = directory / each.path
        files.directory(directory / tls.FOLDER)
        files.directory(path.parent)
        files.write_if_changed(path, each.text)


def tidy(directory: Path, wanted: Sequence[tls.File]) -> None:
    """Remove every other file, also half a file that a crash left."""
    kept = {directory / each.path for each in wanted}
    folder = directory / tls.FOLDER
    for path in sorted(folder.rglob("*"), reverse=True) if folder.exists() else ():
        if path.is_dir():
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()
        elif path not in kept:
            path.unlink(missing_ok=True)
    if not kept and folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path) -> bytes | None:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _readable(role: tls.Role, text: str) -> bool:
    """Whether OpenSSL reads the text as what it is to be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        with _anonymous(text) as path:
            match role:
                case tls.Role.SHOWN | tls.Role.OURS:
                    # The empty password: HAProxy could not ask for one either.
                    context.load_cert_chain(path, password="")
                case tls.Role.AUTHORITIES:
                    context.load_verify_locations(path)
                    return context.cert_store_stats()["x509"] > 0
                case tls.Role.REVOCATIONS:
                    context.load_verify_locations(path)
                    return context.cert_store_stats()["crl"] > 0
                case _:
                    assert_never(role)
    except (ssl.SSLError, ValueError):
        return False
    return True


@contextlib.contextmanager
def _anonymous(text: str) -> Iterator[str]:
    """A path under which the text can be read for as long as the block runs; it is on no disk."""
    descriptor = os.memfd_create("material", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
