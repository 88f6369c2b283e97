"""A state directory may have any name that a directory can have; what belongs in it stays in it."""

import datetime

import pytest

from vipool.store import session


@pytest.mark.parametrize("name", ["a b", "q?mode=ro", "h#x", "p%41", "ü", "n\nl", 'a"b', "a'b", "$HOME", "a&b=c"])
def test_the_database_lies_inside_whatever_the_directory_is_called(tmp_path, name):
    directory = tmp_path / name
    directory.mkdir()
    database = session.Database(
        session.sqlite_url(directory / "vipool.db"), clock=lambda: datetime.datetime(2026, 11, 23)
    )
    database.create()
    assert (directory / "vipool.db").stat().st_size
    assert [each.name for each in tmp_path.iterdir()] == [name]
    database.close()
