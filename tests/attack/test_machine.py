"""A real machine under attack: what other users of it can read, what its logs give away, what many at once break."""

import concurrent.futures
import contextlib
import os
import random
import signal
import socket
import stat

import httpx
import pytest

from tests import live

OCTAVIA = "/load-balancer/v2/lbaas"
NETWORK = "/network/v2.0"
DEFAULT = {"id": "default"}
CLIENTS = 8
WRITES = 25


@pytest.fixture(scope="module")
def machine():
    """A `vipool up` in a sandbox."""
    made = live.Live()
    try:
        yield made.up()
    finally:
        made.end()


def attempt(machine, password, **headers):
    user = {"name": "admin", "domain": DEFAULT, "password": password}
    auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
    scope = {"project": {"name": "admin", "domain": DEFAULT}}
    body = {"auth": {**auth, "scope": scope}}
    return httpx.post(f"{machine.url}/identity/v3/auth/tokens", json=body, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def admin(machine):
    """A client of the administrator."""
    token = attempt(machine, machine.password).headers["X-Subject-Token"]
    with httpx.Client(base_url=machine.url, headers={"X-Auth-Token": token}, timeout=30) as client:
        yield client


def make(client, path, noun, **values):
    reply = client.post(path, json={noun: values})
    assert reply.status_code == 201, reply.text
    return reply.json()[noun]


@pytest.fixture(scope="module")
def balancer(admin):
    """A load balancer with a pool, on a network that is big enough; its network comes with it."""
    network = make(admin, f"{NETWORK}/networks", "network", name="n\nlisten evil\n bind :1")["id"]
    subnet = make(admin, f"{NETWORK}/subnets", "subnet", network_id=network, cidr="10.5.0.0/20", ip_version=4)["id"]
    root = make(admin, f"{OCTAVIA}/loadbalancers", "loadbalancer", vip_subnet_id=subnet, name="a\n    user root")
    common = {"loadbalancer_id": root["id"], "protocol": "HTTP"}
    pool = make(admin, f"{OCTAVIA}/pools", "pool", **common, lb_algorithm="ROUND_ROBIN")["id"]
    make(admin, f"{OCTAVIA}/listeners", "listener", **common, protocol_port=80, default_pool_id=pool)
    return {**root, "pool": pool, "network": network}


def settled(admin, balancer):
    """Wait until the nodes have made a load balancer what it should be."""
    path = f"{OCTAVIA}/loadbalancers/{balancer['id']}"
    return live.within(
        30,
        lambda: (status := admin.get(path).json()["loadbalancer"]["provisioning_status"])[:7] != "PENDING" and status,
        "the load balancer is settled",
    )


def test_nobody_else_may_read_what_holds_secrets(machine, admin, balancer):
    assert settled(admin, balancer) == "ACTIVE"
    assert stat.S_IMODE(machine.state_dir.stat().st_mode) == 0o700
    for pattern in (
        "vipool.db*",
        "token-key",
        "secret-key",
        "admin-password",
        "clouds.yaml",
        "openrc",
        "log/*",
        "run/*",
    ):
        found = list(machine.state_dir.glob(pattern))
        assert found, pattern
        for path in found:
            assert not path.stat().st_mode & 0o077, path


def test_another_user_reaches_neither_the_database_nor_a_socket(machine, admin, balancer):
    assert settled(admin, balancer) == "ACTIVE"
    state = machine.state_dir
    sockets = [state / "run" / "agent.sock", state / "loadbalancers" / balancer["id"] / "stats.sock"]
    for path in (state / "vipool.db", state / "token-key", state / "secret-key", *sockets):
        assert path.exists(), path
        tried = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "test", "-e", str(path))
        assert machine.inside("sh", "-c", f"{' '.join(tried)} && echo reached || true") == ""


def test_no_process_carries_the_password_in_its_environment_or_command_line(machine):
    secret = machine.password.encode()
    pids = [machine.process.pid, machine.pid("server"), machine.pid("agent")]
    for pid in pids:
        for name in ("environ", "cmdline"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert secret not in file.read()


def test_logs_hold_neither_passwords_nor_tokens(machine, admin):
    assert attempt(machine, "a-wrong-password-to-look-for").status_code == 401
    assert admin.post("/identity/v3/auth/tokens", content=b'{"auth": "a-wrong-password-to-look-for').status_code == 400
    written = "".join(path.read_text() for path in (machine.state_dir / "log").iterdir())
    written += (machine.home / "up.log").read_text()
    for secret in (machine.password, "a-wrong-password-to-look-for", admin.headers["X-Auth-Token"]):
        assert secret not in written


def test_a_forwarded_address_does_not_buy_more_guesses(machine):
    for each in range(11):
        assert attempt(machine, "wrong", **{"X-Forwarded-For": f"192.0.2.{each}"}).status_code == 401
    assert "too many failed logins" in (machine.state_dir / "log" / "server.log").read_text()


def test_many_writers_and_rude_clients_lose_nothing(machine, admin, balancer):
    members = f"{OCTAVIA}/pools/{balancer['pool']}/members"
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        told = [pool.submit(_write, machine, admin.headers["X-Auth-Token"], balancer, each) for each in range(CLIENTS)]
        for _ in range(50):
            _rude(machine, admin)
        results = [each.result() for each in told]
    kept = {each for result in results for each in result[0]}
    assert settled(admin, balancer) == "ACTIVE"  # only now those deleted are gone
    assert {each["id"] for each in admin.get(members).json()["members"]} == kept
    ports = admin.get(f"{NETWORK}/ports").json()["ports"]
    addresses = [(one["subnet_id"], one["ip_address"]) for each in ports for one in each["fixed_ips"]]
    assert len(set(addresses)) == len(addresses)
    assert {code for result in results for code in result[1]} <= {200, 201, 204, 409}


def _write(machine, token, balancer, number):
    """Random writes of one client: the members that must be there afterwards, and the status codes met."""
    members, kept, codes = f"{OCTAVIA}/pools/{balancer['pool']}/members", set(), set()
    choose = random.Random(number)
    with httpx.Client(base_url=machine.url, headers={"X-Auth-Token": token}, timeout=30) as client:
        for each in range(WRITES):
            values = {"address": f"10.5.{number}.{each + 1}", "protocol_port": 80, "name": "kept"}
            made = client.post(members, json={"member": values})
            codes.add(made.status_code)
            kept.add(made.json()["member"]["id"])
            match choose.randrange(3):
                case 0:
                    reply = client.delete(f"{members}/{(gone := made.json()['member']['id'])}")
                    kept.discard(gone)
                case 1:
                    reply = client.post(f"{NETWORK}/ports", json={"port": {"network_id": balancer["network"]}})
                case _:
                    root = f"{OCTAVIA}/loadbalancers/{balancer['id']}"
                    reply = client.put(root, json={"loadbalancer": {"description": str(each)}})
            codes.add(reply.status_code)
    return kept, codes


def _rude(machine, admin):
    """Send half a request, or a whole one, and hang up."""
    host, _, port = machine.url.removeprefix("http://").partition(":")
    body = b'{"member": {"address": "10.5.15.1", "protocol_port": 80}}'
    head = f"POST {NETWORK}/networks HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {admin.headers['X-Auth-Token']}\r\n"
    with socket.create_connection((host, int(port))) as line:
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: random.choice((9, len(body)))])


def test_what_was_acknowledged_survives_the_death_of_the_server(machine, admin, balancer):
    path, kept = f"{NETWORK}/ports", []
    first = machine.pid("server")
    with contextlib.suppress(httpx.TransportError):
        for each in range(200):
            if each == 20:
                os.kill(first, signal.SIGKILL)
            kept.append(make(admin, path, "port", network_id=balancer["network"])["id"])
    assert len(kept) >= 20
    live.within(20, lambda: machine.pid("server") not in {None, first}, "another server")
    assert set(kept) <= {each["id"] for each in admin.get(path).json()["ports"]}
