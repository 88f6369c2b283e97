"""The unmodified `openstack` command, as people typed it at a real cloud: it ends here as it did there."""

import shlex
from pathlib import Path

import pytest

from tests.compat import passes, terminal

TYPED = Path(__file__).with_name("commands.txt")


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return passes.Passes("openstack-typed")


@pytest.fixture(scope="module")
def people(live):
    """Consoles by name; what they made is cleared up at the end."""
    live.inside("ip", "link", "add", "public", "type", "bridge")  # what the flat network of the list is
    made = {"admin": terminal.administrator(live)}
    for command in (
        ("project create", "typed"),
        ("user create", "--project", "typed", "--password", "pw-typed", "typed"),
        ("role add", "--project", "typed", "--user", "typed", "member"),
    ):
        made["admin"].do(*command)
    user = {"OS_USERNAME": "typed", "OS_PASSWORD": "pw-typed", "OS_PROJECT_NAME": "typed", **terminal.DOMAIN}
    common = {"OS_AUTH_URL": f"{live.url}/identity/v3", "OS_IDENTITY_API_VERSION": "3"}
    made["alice"] = terminal.Console(passes.Passes("nobody"), {**common, **user})
    try:
        yield made
        clear(made["alice"], made["admin"])
    finally:
        for each in made.values():
            each.close()
        live.inside("ip", "link", "delete", "public")


def clear(alice, admin):
    """Remove what the commands left."""
    for each in alice.get("floating ip list"):
        alice.do("floating ip delete", each["ID"])
    alice.do("router remove subnet", "clirouter", "clisub")
    alice.do("router delete", "clirouter")
    alice.do("network delete", "clinet")
    alice.do("security group delete", "clisg")
    admin.do("network delete", "clipub")
    admin.do("user delete", "typed")
    admin.do("project delete", "typed")


def typed():
    """The lines of the list."""
    for line in TYPED.read_text().splitlines():
        if not line.startswith("#"):
            who, code, command = line.split(" ", 2)
            yield who, int(code), command


def test_every_command_ends_as_it_did(people, noted):
    free = ""
    for who, code, command in typed():
        words = shlex.split(command.replace("{FREE}", free))
        if code:
            assert people[who].refused(*words), command
        elif command == "floating ip create clipub":
            free = people[who].get("floating ip create", "clipub")["floating_ip_address"]
        else:
            people[who].do(*words)
        noted.note(command)


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
