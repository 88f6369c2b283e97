"""Settings come from four places, the nearest wins, and nonsense is refused by name."""

from pathlib import Path

import pytest

from vipool import settings


def read(environ=None, uid=0, **given):
    return settings.read(settings.Given(**given), environ or {}, uid)


def test_root_serves_the_host_from_var_lib():
    assert settings.default_state_dir({}, 0) == Path("/var/lib/vipool")
    assert not read(state_dir=Path("/nowhere")).sandboxed


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/a"}, "/home/a/.local/state/vipool"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "/home/a/s"}, "/home/a/s/vipool"),
    ],
)
def test_others_keep_state_at_home_and_are_sandboxed(environ, expected):
    chosen = read(environ, uid=1000)
    assert chosen.state_dir == Path(expected)
    assert chosen.sandboxed


def test_others_cannot_leave_the_sandbox():
    with pytest.raises(settings.Invalid, match="Only root"):
        read({"HOME": "/home/a"}, uid=1000, sandbox=False)


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default(tmp_path):
    assert str(read(state_dir=tmp_path).listen) == "127.0.0.1:9876"
    (tmp_path / "vipool.toml").write_text('listen = "127.0.0.1:1"\nsandbox = true\n')
    assert str(read(state_dir=tmp_path).listen) == "127.0.0.1:1"
    assert read(state_dir=tmp_path).sandboxed
    environ = {"VIPOOL_LISTEN": "127.0.0.1:2", "VIPOOL_SANDBOX": "off", "VIPOOL_STATE_DIR": str(tmp_path)}
    assert str(read(environ).listen) == "127.0.0.1:2"
    assert not read(environ).sandboxed
    chosen = read(environ, listen="[::1]:3", sandbox=True)
    assert (str(chosen.listen), chosen.listen.url, chosen.sandboxed) == ("[::1]:3", "http://[::1]:3", True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("listen = 9876", "a string is needed"),
        ('sandbox = "yes"', "a boolean is needed"),
        ("colour = 1", "colour, which does not exist"),
        ("listen =", "not valid TOML"),
    ],
)
def test_a_bad_file_is_refused_with_the_reason(tmp_path, text, reason):
    (tmp_path / "vipool.toml").write_text(text)
    with pytest.raises(settings.Invalid, match=reason):
        read(state_dir=tmp_path)


def test_a_bad_switch_is_refused():
    with pytest.raises(settings.Invalid, match="VIPOOL_SANDBOX"):
        read({"VIPOOL_SANDBOX": "perhaps"})


def test_a_path_too_long_for_a_socket_is_refused():
    with pytest.raises(settings.Invalid, match="shorter"):
        read(state_dir=Path("/" + "a" * 100))


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", "127.0.0.1:5"), ("::", "[::1]:5")])
def test_every_address_is_reached_by_loopback(host, reached):
    address = settings.Address(host=host, port=5)
    assert address.everywhere
    assert address.url == f"http://{reached}"


def test_a_password_is_not_shown_by_accident():
    chosen = read({"VIPOOL_ADMIN_PASSWORD": "hush"}, state_dir=Path("/nowhere"))
    assert chosen.admin_password == "hush"
    assert "hush" not in repr(chosen)
