"""Certificates as files of a node: exchanged in a process that runs, kept to themselves, missing, unreadable."""

import dataclasses
import logging
import os
import signal
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.net.haproxy.balancer import LISTENER, ONE, POOL, TWO, VIP
from tests.net.haproxy.test_changes import Load
from tests.net.haproxy.town import Town, der, ending, with_front
from tests.net.members import Client, Tls, eventually
from tests.providers import certificates, configuration, trees
from vipool.core import health
from vipool.model import listener, spec, status, tree
from vipool.providers import base
from vipool.providers.haproxy import engine

pytestmark = configuration.needs_haproxy

Asks = listener.ClientAuthentication


@pytest.fixture
def town(balancer):
    return Town(balancer)


def folder(town: Town) -> Path:
    return Path(town.balancer.place.directory, "tls")


def files(town: Town) -> set[str]:
    return {each.relative_to(folder(town)).as_posix() for each in folder(town).rglob("*") if each.is_file()}


def test_a_certificate_that_is_replaced_is_shown_by_the_process_that_runs(balancer, town):
    wanted = ending(sni_container_refs=["wild"])
    balancer.converge(wanted)
    before = balancer.pid()
    kept = town.client(name="www.example.org")
    assert kept.get()[0] == 200
    renewed = town.authority.issue("www.example.org")
    balancer.materials["web"] = renewed.pem
    assert balancer.converge(wanted) == "HAProxy changed in place, 2 commands"
    assert town.shown("www.example.org") == der(renewed)
    assert town.shown("x.wild.example") == der(town.wild)
    assert balancer.pid() == before
    assert kept.get()[0] == 200
    kept.__exit__()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: balancer.processes() == 0)
    assert balancer.converge(wanted) == "HAProxy started"
    assert town.shown("www.example.org") == der(renewed)


def test_another_reference_in_the_same_place_is_a_replaced_certificate_too(balancer, town):
    balancer.converge(ending())
    renewed = town.authority.issue("www.example.org")
    balancer.materials["newer"] = renewed.pem
    assert "in place" in balancer.converge(ending(default_tls_container_ref="newer"))
    assert town.shown() == der(renewed)


class Secured(Load):
    """Clients that speak TLS."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.balancer)
        self.tls = Tls(town.authority.client())

    def client(self) -> Client:
        return self.balancer.client(port=443, tls=self.tls)


def test_no_request_fails_while_certificates_are_replaced_and_processes_too(balancer, town):
    wanted = ending()
    balancer.converge(wanted)
    with Secured(town) as load:
        for number in range(12):
            done = load.done
            balancer.materials["web"] = town.authority.issue("www.example.org").pem
            if number % 3 == 2:
                wanted = with_front(wanted, timeout_client_data=60_000 + number)
            said = balancer.engine.converge(balancer.place, wanted, balancer.materials)
            assert ("reloaded" if number % 3 == 2 else "in place") in said
            load.reaches(done + 20)
    assert load.failures == []


def test_no_http_2_request_fails_while_processes_are_replaced(balancer, town):
    """One client, which asks a thousand times on as few connections as it is let."""
    wanted = ending()
    balancer.converge(wanted)
    command = ["ip", "netns", "exec", balancer.place.namespace, "curl", "-sk", "--http2", "-o", "/dev/null"]
    command += ["-w", "%{http_code} %{http_version}\n", f"https://{VIP}/[1-1000]"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        replaced = 0
        while client.poll() is None:
            replaced += 1
            again = with_front(wanted, timeout_client_data=60_000 + replaced)
            assert "reloaded" in balancer.engine.converge(balancer.place, again, balancer.materials)
        said = client.communicate()[0].splitlines()
    assert replaced
    assert (len(said), set(said)) == (1000, {"200 2"})


def test_a_name_more_or_less_reloads(balancer, town):
    balancer.converge(ending())
    assert town.shown("x.wild.example") == der(town.web)
    assert "0001.pem comes" in balancer.converge(ending(sni_container_refs=["wild"]))
    assert town.shown("x.wild.example") == der(town.wild)
    assert files(town) == {f"{LISTENER}/0000.pem", f"{LISTENER}/0001.pem"}
    assert "0001.pem goes" in balancer.converge(ending())
    assert files(town) == {f"{LISTENER}/0000.pem"}
    assert town.shown("x.wild.example") == der(town.web)


def resumes(town: Town, context: ssl.SSLContext, session: ssl.SSLSession) -> bool:
    """Whether a client is let in with a session that it had before, without showing its certificate again."""
    made = town.balancer.client(port=443)
    try:
        made.secure(context, session=session)
        return made.get()[0] == 200
    except (ssl.SSLError, ConnectionError):
        return False
    finally:
        made.__exit__()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_whom_an_authority_takes_back_is_turned_away_also_with_an_old_session(balancer, town, version):
    known = town.authority.issue("known")
    balancer.materials["list"] = town.authority.revocations()
    asking = {"client_ca_tls_container_ref": "authority", "client_crl_container_ref": "list"}
    wanted = ending(client_authentication="MANDATORY", **asking)
    balancer.converge(wanted)
    context = town.authority.client(known)
    context.maximum_version = version
    with town.client(context) as client:
        client.get()
        session = client.agreed.session
    assert session is not None
    assert resumes(town, context, session)
    balancer.materials["list"] = town.authority.revocations(known)
    assert f"{LISTENER}.crl.pem changes" in balancer.converge(wanted)
    assert not town.admits(known)
    assert not resumes(town, context, session)
    other = certificates.Authority("another")
    balancer.materials.update(authority=other.pem, list=other.revocations())
    assert f"{LISTENER}.ca.pem changes" in balancer.converge(wanted)
    assert not town.admits(town.authority.issue("known"))
    assert town.admits(other.issue("known"))


def test_a_certificate_too_long_for_a_command_comes_by_a_reload(balancer, town):
    balancer.converge(ending())
    renewed = town.authority.issue("www.example.org")
    chain = "".join(certificates.Authority(f"{at}").pem for at in range(30))
    balancer.materials["web"] = renewed.pem + chain
    assert "longer than a command" in balancer.converge(ending())
    assert town.shown() == der(renewed)


def test_what_stands_around_and_between_the_sections_of_a_text_is_left_out(balancer, town):
    balancer.converge(ending())
    renewed = town.authority.issue("www.example.org")
    noise = "Bag Attributes\n\n; show info\n"
    balancer.materials["web"] = noise + renewed.pem.replace("-----END", "\n\r\n-----END") + noise
    assert "in place" in balancer.converge(ending())
    assert town.shown() == der(renewed)


# --- what cannot be had ---------------------------------------------------------------------------------------------


def beside(wanted: tree.Tree) -> tree.Tree:
    """A plain listener on port 80 beside the one that ends TLS."""
    front = dataclasses.replace(
        wanted.listeners[0], id=trees.identifier(2, 9), protocol=listener.Protocol.HTTP, protocol_port=80,
        default_tls_container_ref=None,
    )  # fmt: skip
    settled = wanted.loadbalancer.having({"settled": wanted.loadbalancer.generation})
    return wanted.adding(front).replacing(settled)


def encrypted(issued: certificates.Issued) -> str:
    form = serialization.BestAvailableEncryption(b"a pass phrase")
    key = issued.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form)
    return issued.chain + key.decode()


UNREADABLE = {
    "missing": lambda town: None,
    "empty": lambda town: "",
    "no PEM": lambda town: "rubbish",
    "no key": lambda town: town.web.chain,
    "another's key": lambda town: town.web.chain + town.wild.pem.removeprefix(town.wild.chain),
    "a locked key": lambda town: encrypted(town.web),
    "cut short": lambda town: town.web.pem[:-200],
}


@pytest.mark.parametrize("trouble", UNREADABLE)
def test_a_listener_without_its_material_is_in_error_while_others_serve(balancer, town, trouble):
    wanted = beside(ending())
    text = UNREADABLE[trouble](town)
    if text is None:
        del balancer.materials["web"]
    else:
        balancer.materials["web"] = text
    said = balancer.converge(wanted)
    assert said == f"HAProxy started; listener {LISTENER} is left out: web is missing or unreadable"
    assert set(balancer.answers(4)) == {ONE, TWO}
    found = health.derive(wanted, balancer.engine.observe(balancer.place, wanted))
    assert found[LISTENER] is status.Operating.ERROR
    assert found[trees.identifier(2, 9)] is status.Operating.ONLINE
    assert found[wanted.loadbalancer.id] is status.Operating.ONLINE
    balancer.materials["web"] = town.web.pem
    assert "reloaded" in balancer.converge(wanted)
    assert town.shown() == der(town.web)


def test_a_listener_keeps_its_counters_while_its_material_is_away(balancer, town):
    wanted = beside(ending())
    balancer.converge(wanted)
    assert town.admits()
    balancer.materials.pop("web")
    balancer.converge(wanted)
    balancer.materials["web"] = town.web.pem
    balancer.converge(wanted)
    assert town.admits()
    seen = balancer.engine.observe(balancer.place, wanted)
    assert seen is not None
    assert seen.counters[LISTENER].total_connections == 2


@pytest.mark.parametrize("text", [None, "rubbish"])
def test_a_listener_whose_pool_lacks_its_authority_is_left_out(balancer, town, text):
    wanted = ending()
    pool = dataclasses.replace(wanted.pools[0], tls_enabled=True, ca_tls_container_ref="members")
    if text is not None:
        balancer.materials["members"] = text
    assert "stopped" in balancer.converge(wanted) + balancer.converge(wanted.replacing(pool))
    balancer.materials["members"] = town.authority.pem
    assert balancer.converge(wanted.replacing(pool)) == "HAProxy started"


def test_nothing_is_served_where_nothing_can_be(balancer, town):
    del balancer.materials["web"]
    said = balancer.converge(ending())
    assert said == f"listener {LISTENER} is left out: web is missing or unreadable"
    assert balancer.processes() == 0
    assert not folder(town).exists()


def test_what_haproxy_refuses_leaves_files_and_process_as_they_were(balancer, town):
    wanted = ending()
    balancer.converge(wanted)
    before = (folder(town) / LISTENER / "0000.pem").read_text()
    balancer.materials["web"] = town.authority.issue("www.example.org").pem
    broken = with_front(wanted, tls_ciphers="NOTHING-THAT-IS-KNOWN", sni_container_refs=("wild",))
    with pytest.raises(base.Broken, match="cipher"):
        balancer.engine.converge(balancer.place, broken, balancer.materials)
    assert (folder(town) / LISTENER / "0000.pem").read_text() == before
    assert files(town) == {f"{LISTENER}/0000.pem"}
    assert town.shown() == der(town.web)
    os.kill(balancer.pid(), signal.SIGKILL)
    eventually(lambda: balancer.processes() == 0)
    with pytest.raises(base.Broken, match="cipher"):
        balancer.engine.converge(balancer.place, broken, balancer.materials)
    assert town.shown() == der(town.web)


# --- crashes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["cut short", "files are gone", "a file is another", "a stray file", "half a file"])
def test_after_a_crash_the_files_are_what_is_wanted(balancer, town, harm):
    wanted = ending()
    balancer.converge(wanted)
    path = folder(town) / LISTENER / "0000.pem"
    match harm:
        case "cut short":
            Path(balancer.place.directory, "haproxy.cfg.next").write_text("half")
            path.unlink()
        case "files are gone":
            path.unlink()
        case "a file is another":
            path.write_text("rubbish")
        case "a stray file":
            (folder(town) / "stray.pem").write_text("a key that nobody needs")
        case "half a file":
            (folder(town) / LISTENER / ".0000.pem.xyz").write_text("half")
        case _:
            raise AssertionError(harm)
    os.kill(balancer.pid(), signal.SIGKILL)
    eventually(lambda: balancer.processes() == 0)
    assert balancer.converge(wanted) == "HAProxy started"
    assert town.shown() == der(town.web)
    assert files(town) == {f"{LISTENER}/0000.pem"}


def test_a_second_engine_finds_the_certificates_as_they_are(balancer, town):
    balancer.converge(ending())
    before = balancer.pid()
    balancer.engine = engine.Engine()
    assert balancer.engine.converge(balancer.place, ending(), balancer.materials) == ""
    assert balancer.pid() == before


# --- what nobody else may see ----------------------------------------------------------------------------------------


def test_private_keys_are_readable_by_their_owner_alone_and_go_with_the_listener(balancer, town):
    asking = {"client_authentication": "OPTIONAL", "client_ca_tls_container_ref": "authority"}
    wanted = ending(**asking)
    balancer.converge(wanted)
    assert files(town) == {f"{LISTENER}/0000.pem", f"{LISTENER}.ca.pem"}
    assert {(folder(town) / each).stat().st_mode & 0o7777 for each in files(town)} == {0o600}
    assert {each.stat().st_mode & 0o7777 for each in (folder(town), folder(town) / LISTENER)} == {0o700}
    plain = with_front(wanted, client_authentication=Asks.NONE)
    balancer.converge(plain)
    assert files(town) == {f"{LISTENER}/0000.pem"}
    balancer.converge(plain.keep(lambda row: row.id != LISTENER))
    assert not folder(town).exists()


def test_a_private_key_is_in_no_log_and_in_no_repr(balancer, town, caplog):
    caplog.set_level(logging.DEBUG)
    wanted = ending()
    item = spec.LoadBalancer(id="lb", revision=1, tree=wanted, materials=dict(balancer.materials))
    said = [repr(item), str(item), balancer.converge(wanted)]
    balancer.materials["web"] = town.authority.issue("www.example.org").pem
    said.append(balancer.converge(wanted))
    balancer.materials["web"] = town.web.pem[:-200]
    said.append(balancer.converge(wanted))
    text = Path(balancer.place.directory, "haproxy.cfg")
    said += [caplog.text, text.read_text() if text.exists() else ""]
    assert not any("PRIVATE KEY" in each or "BEGIN" in each for each in said)
    secret = town.web.pem.splitlines()[-3]
    assert not any(secret in each for each in said)
    assert POOL in said[0]
    assert VIP in said[0]
