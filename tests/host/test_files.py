"""A file is whole or as it was; a lock says who holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vipool.host import errors, files


def test_a_file_is_replaced_with_the_mode_asked_for(tmp_path):
    target = tmp_path / "file"
    files.write(target, "old", mode=0o644)
    files.write(target, "new", mode=0o640, durable=True)
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o7777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_a_reader_of_the_old_file_keeps_it(tmp_path):
    target = tmp_path / "file"
    files.write(target, "old")
    with target.open() as reader:
        files.write(target, "new")
        assert reader.read() == "old"


def test_the_same_content_is_not_written_again(tmp_path):
    target = tmp_path / "file"
    assert files.write_if_changed(target, "same", mode=0o600)
    before = target.stat().st_ino
    assert not files.write_if_changed(target, b"same", mode=0o600)
    assert target.stat().st_ino == before
    assert files.write_if_changed(target, "same", mode=0o644)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "file"
    files.write(target, "old")

    def on_a_full_disk(prefix: str, dir: Path) -> tuple[int, str]:
        (dir / prefix).touch()
        return os.open("/dev/full", os.O_WRONLY), str(dir / prefix)

    monkeypatch.setattr(tempfile, "mkstemp", on_a_full_disk)
    with pytest.raises(errors.DiskFull, match="No space left on device; what was there before is untouched"):
        files.write(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(errors.Failed, match=r"writing .*/nowhere/file: No such file or directory"):
        files.write(tmp_path / "nowhere" / "file", "text")


def test_a_directory_gets_its_mode_even_when_it_was_there(tmp_path):
    (tmp_path / "state").mkdir(mode=0o755)
    assert files.directory(tmp_path / "state", mode=0o700).stat().st_mode & 0o7777 == 0o700
    assert files.directory(tmp_path / "a" / "b").is_dir()


def test_a_lock_is_held_by_one_and_says_by_whom(tmp_path):
    path = tmp_path / "lock"
    with files.lock(path, "vipool up"):
        busy = pytest.raises(errors.Busy, match=f"lock is held by vipool up, process {os.getpid()}")
        with busy, files.lock(path, "another"):
            pytest.fail("two hold one lock")
    with files.lock(path, "another"):
        assert "another" in path.read_text()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    script = (
        "import sys, pathlib; from vipool.host import files\n"
        "with files.lock(pathlib.Path(sys.argv[1]), 'child'):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(errors.Busy, match="child"), files.lock(tmp_path / "lock", "me"):
            pytest.fail("two hold one lock")
        child.kill()
    with files.lock(tmp_path / "lock", "me"):
        pass
