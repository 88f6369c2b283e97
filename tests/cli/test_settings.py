"""Settings come from four places, the nearest wins, and nonsense is refused by name."""

import dataclasses
from pathlib import Path

import pytest

from vipool import settings
from vipool.model import caller, deployment


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


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("octavia = 1", "octavia in vipool.toml is 1: a table is needed"),
        ("[octavia]\ncolour = 1", "octavia.colour does not exist: immutable, "),
        ('[octavia]\nimmutable = "perhaps"', "octavia.immutable is 'perhaps': one of accept, conflict is needed"),
        ("[octavia]\nvalid_vip_networks = 5", "octavia.valid_vip_networks is 5: a list is needed"),
        ("[octavia]\nvalid_vip_networks = [5]", r"octavia.valid_vip_networks\[0\] is 5: a string is needed"),
        ("[octavia]\nlistener_tls = 5", "octavia.listener_tls is 5: a table is needed"),
        ("[octavia.listener_tls]\nversion = 5", "octavia.listener_tls.version does not exist"),
        ("[octavia]\nquotas = 5", "octavia.quotas is 5: a table is needed"),
        ("[octavia.quotas]\ncars = 5", "octavia.quotas.cars does not exist"),
        ("[octavia.quotas]\npool = -2", r"octavia.quotas.pool is -2: -1 \(no limit\) or more is needed"),
        ("[octavia.quotas]\npool = true", "octavia.quotas.pool is True: a whole number is needed"),
        ("[octavia]\nhistory_days = -1", "octavia.history_days is -1: 0 or more is needed"),
        ("[octavia]\nlook_milliseconds = -1", "octavia.look_milliseconds is -1: 0 or more is needed"),
        ('[octavia]\nreserved_ips = ["x"]', "octavia.reserved_ips has 'x': addresses are needed"),
        ('[octavia]\nminimum_tls_version = "TLSv9"', "octavia.minimum_tls_version is 'TLSv9': one of SSLv3, "),
        ('[policy]\nset = "lax"', "policy.set is 'lax': one of "),
        ('[policy]\nfile = "mine.yaml"', "policy.file is 'mine.yaml': there is no "),
    ],
)
def test_a_bad_table_is_refused_with_the_key(tmp_path, text, reason):
    (tmp_path / "vipool.toml").write_text(text)
    with pytest.raises(settings.Invalid, match=reason):
        read(state_dir=tmp_path)


def test_what_is_chosen_of_load_balancers_is_kept_and_the_rest_is_as_usual(tmp_path):
    (tmp_path / "vipool.toml").write_text(
        'healthcheck = true\n[octavia]\nimmutable = "conflict"\nprohibited_ciphers = ["A", "B"]\n'
        'minimum_tls_version = "TLSv1.2"\n[octavia.listener_tls]\nversions = ["TLSv1.3"]\n[octavia.quotas]\npool = 3\n'
    )
    chosen = read(state_dir=tmp_path)
    usual = deployment.USUAL
    assert chosen.healthcheck
    assert chosen.allowed == dataclasses.replace(
        usual,
        immutable=deployment.Immutable.CONFLICT,
        prohibited_ciphers=frozenset({"A", "B"}),
        minimum_tls_version="TLSv1.2",
        listener_tls=dataclasses.replace(usual.listener_tls, versions=("TLSv1.3",)),
        quotas={"pool": 3},
    )


GET = "os_load-balancer_api:loadbalancer:get_one"
READER = caller.Caller(user_id="u", project_id="p", roles=frozenset({"reader"}))


def test_a_policy_file_beside_the_settings_changes_the_rules(tmp_path):
    assert read(state_dir=tmp_path).rules.allows(GET, READER)
    (tmp_path / "policy.yaml").write_text(f'"{GET}": "!"\n')
    assert not read(state_dir=tmp_path).rules.allows(GET, READER)
    (tmp_path / "vipool.toml").write_text('[policy]\nset = "advanced-rbac"\nfile = "open.yaml"\n')
    (tmp_path / "open.yaml").write_text("# nothing\n")
    assert not read(state_dir=tmp_path).rules.allows(GET, READER)
    (tmp_path / "open.yaml").write_text(f'"{GET}": "role:reader"\n')
    assert read(state_dir=tmp_path).rules.allows(GET, READER)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1, 2]", "must be a mapping of rule names to rules"),
        ('"x": 5', "must be a mapping of rule names to rules"),
        ("{", "is not valid YAML"),
        (f'"{GET}": "role:("', "policy.yaml: "),
        ('"os_load-balancer_api:no:such": "!"', "policy.yaml: "),
        ("\x80", "cannot be read"),
    ],
)
def test_a_bad_policy_file_is_refused_with_the_reason(tmp_path, text, reason):
    (tmp_path / "policy.yaml").write_bytes(text.encode("latin-1"))
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
