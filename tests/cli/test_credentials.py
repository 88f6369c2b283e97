"""Whatever the password is, the client files say exactly that."""

import subprocess

import yaml
from hypothesis import given
from hypothesis import strategies as st

from vipool.cli import credentials

printable = st.text(min_size=1).filter(str.isprintable)


@given(printable)
def test_yaml_reads_back_the_password(password):
    cloud = yaml.safe_load(credentials.clouds("http://127.0.0.1:9876", password))["clouds"]["vipool"]
    assert cloud["auth"]["password"] == password
    assert cloud["auth"]["auth_url"] == "http://127.0.0.1:9876/identity/v3"


def test_a_shell_reads_back_the_password(tmp_path):
    password = 'it\'s $HOME `date` "q" \\ !x #y é😀'
    (tmp_path / "openrc").write_text(credentials.openrc("http://[::1]:9876", password))
    shell = subprocess.run(
        ["sh", "-c", '. ./openrc; printf "%s %s" "$OS_AUTH_URL" "$OS_PASSWORD"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == f"http://[::1]:9876/identity/v3 {password}"
