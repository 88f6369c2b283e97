"""The unmodified `openstack` command looks after networks: made, listed, shown, changed, tagged, limited and removed.

Served on the loopback by the faces alone: no node carries anything, so this needs no sandbox.
"""

import datetime
import secrets
import socket
import threading
import uuid

import pytest
import uvicorn

from tests.compat import passes, terminal
from tests.service import world
from vipool.api import app, face
from vipool.api.identity import desk, routes
from vipool.api.network import routes as network_routes
from vipool.cloud.identity.embedded import authority, bootstrap, guesses, hashes, login
from vipool.store import session

PASSWORD = "only for this test"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Where identity and networks are served."""
    path = tmp_path_factory.mktemp("network") / "state.db"
    path.write_bytes(world.empty_store())
    database = session.Database(
        session.sqlite_url(path), clock=lambda: datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    )
    checks = hashes.Hashes()
    people = authority.Authority(database, keys=(b"k" * 32,), entropy=secrets.token_bytes)
    with people.writing() as held:
        bootstrap.bootstrap(held, PASSWORD, checks)
    door = login.Login(people, checks, guesses.Guesses())
    served_people = desk.Desk(authority=people, login=door, new_id=lambda: uuid.uuid4().hex)
    services = {
        "/identity": face.Service(routes.face(served_people, lambda: f"req-{uuid.uuid4()}")),
        "/network": face.Service(
            network_routes.face(database, authenticate=people.authenticate, new_id=lambda: str(uuid.uuid4()))
        ),
    }
    listening = socket.create_server(("127.0.0.1", 0))
    served = app.Dispatcher(services=services, default=services["/network"], local=services["/network"])
    server = uvicorn.Server(uvicorn.Config(served, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    database.close()


def console(url, **variables):
    domain = {"OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default"}
    place = {"OS_AUTH_URL": f"{url}/identity/v3", "OS_IDENTITY_API_VERSION": "3"}
    return terminal.Console(passes.Passes("nobody"), {**place, **domain, **variables})


@pytest.fixture(scope="module")
def admin(url):
    """The administrator."""
    made = console(url, OS_USERNAME="admin", OS_PASSWORD=PASSWORD, OS_PROJECT_NAME="admin")
    yield made
    made.close()


@pytest.fixture(scope="module")
def tenant(url, admin):
    """A member of a project of its own."""
    admin.do("project create", "demo")
    admin.do("user create", "--project", "demo", "--password", "secret sauce", "alice")
    admin.do("role add", "--project", "demo", "--user", "alice", "member")
    made = console(url, OS_USERNAME="alice", OS_PASSWORD="secret sauce", OS_PROJECT_NAME="demo")
    yield made
    made.close()


def names(console, command, *words):
    return sorted(each["Name"] for each in console.get(command, *words))


def test_networks_and_subnets(admin, tenant):
    assert tenant.get("network create", "--mtu", "1400", "--tag", "blue", "one")["mtu"] == 1400
    admin.do(
        "network create", "--external", "--provider-network-type", "flat", "--provider-physical-network", "br0", "o"
    )
    assert names(tenant, "network list") == ["o", "one"]
    assert names(tenant, "network list", "--external") == ["o"]
    assert names(tenant, "network list", "--tags", "blue") == ["one"]
    tenant.do("network set", "--name", "two", "--description", "second", "--tag", "red", "one")
    shown = tenant.get("network show", "two")
    assert (shown["description"], shown["tags"]) == ("second", ["blue", "red"])
    tenant.do("network unset", "--tag", "red", "two")
    route = ("--host-route", "destination=10.9.0.0/16,gateway=10.0.0.9")
    made = tenant.get("subnet create", "--network", "two", "--subnet-range", "10.0.0.0/24", *route, "s")
    assert made["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.0.0.254"}]
    pool = ("--no-allocation-pool", "--allocation-pool", "start=10.0.0.10,end=10.0.0.20")
    tenant.do("subnet set", "--name", "t", "--dns-nameserver", "10.0.0.3", *pool, "s")
    assert tenant.get("subnet show", "t")["dns_nameservers"] == ["10.0.0.3"]
    assert names(tenant, "subnet list", "--network", "two") == ["t"]
    tenant.do("subnet unset", "--dns-nameserver", "10.0.0.3", "t")
    six = ("--ip-version", "6", "--ipv6-ra-mode", "slaac", "--ipv6-address-mode", "slaac")
    tenant.do("subnet create", "--network", "two", "--subnet-range", "fd00::/64", *six, "six")
    availability = admin.get("ip availability show", "two")
    assert availability["total_ips"] == 11 + 2**64 - 1
    tenant.do("subnet delete", "six")
    assert "overlaps" in tenant.refused("subnet create", "--network", "two", "--subnet-range", "10.0.0.0/25", "x")


def test_ports_and_security_groups(tenant):
    tenant.do("security group create", "web")
    tenant.do(
        "security group rule create", "--protocol", "tcp", "--dst-port", "80:81", "--remote-ip", "10.0.0.0/8", "web"
    )
    assert len(tenant.get("security group rule list", "web")) == 3
    tenant.do("security group set", "--description", "for webs", "web")
    assert tenant.get("security group show", "web")["description"] == "for webs"
    assert names(tenant, "security group list") == ["default", "web"]
    fixed = ("--fixed-ip", "subnet=t,ip-address=10.0.0.77", "--security-group", "web")
    pair = ("--allowed-address", "ip-address=10.0.0.99")
    made = tenant.get("port create", "--network", "two", *fixed, *pair, "--tag", "blue", "web1")
    assert [each["ip_address"] for each in made["fixed_ips"]] == ["10.0.0.77"]
    assert names(tenant, "port list", "--fixed-ip", "ip-address=10.0.0.77") == ["web1"]
    assert names(tenant, "port list", "--fixed-ip", "ip-substring=0.77") == ["web1"]
    # The command sends what it is given, and Neutron looks for identifiers.
    group = tenant.get("security group show", "web")["id"]
    assert names(tenant, "port list", "--security-group", group) == ["web1"]
    tenant.do("port set", "--name", "web2", "--disable", "--description", "moved", "web1")
    tenant.do("port unset", "--security-group", "web", "web2")
    tenant.do("port set", "--no-allowed-address", "web2")
    shown = tenant.get("port show", "web2")
    assert (shown["admin_state_up"], shown["security_group_ids"], shown["allowed_address_pairs"]) == (False, [], [])
    assert "already allocated" in tenant.refused("port create", "--network", "two", *fixed[:2], "x")
    tenant.do("security group delete", "web")


def test_routers_and_floating_ips(admin, tenant):
    admin.do("subnet create", "--network", "o", "--subnet-range", "203.0.113.0/24", "--no-dhcp", "os")
    tenant.do("router create", "r")
    tenant.do("router set", "--external-gateway", "o", "--description", "the way out", "r")
    tenant.do("router add subnet", "r", "t")
    tenant.do("router set", "--route", "destination=10.50.0.0/16,gateway=10.0.0.9", "r")
    shown = tenant.get("router show", "r")
    assert shown["external_gateway_info"]["enable_snat"] is True
    assert [each["subnet_id"] for each in shown["interfaces_info"]] == [tenant.get("subnet show", "t")["id"]]
    assert names(tenant, "router list") == ["r"]
    tenant.do("router unset", "--route", "destination=10.50.0.0/16,gateway=10.0.0.9", "r")
    made = tenant.get("floating ip create", "--port", "web2", "--description", "front", "o")
    assert made["fixed_ip_address"] == "10.0.0.77"
    address = made["floating_ip_address"]
    assert tenant.get("floating ip show", address)["description"] == "front"
    assert len(tenant.get("floating ip list", "--port", "web2")) == 1
    tenant.do("floating ip unset", "--port", address)
    tenant.do("floating ip set", "--port", "web2", address)
    assert "required by one or more floating IPs" in tenant.refused("router remove subnet", "r", "t")
    tenant.do("floating ip delete", address)
    chosen = admin.get("floating ip create", "--floating-ip-address", "203.0.113.99", "o")
    admin.do("floating ip delete", chosen["id"])
    tenant.do("router unset", "--external-gateway", "r")
    assert "ports still attached" in tenant.refused("router delete", "r")
    tenant.do("router remove subnet", "r", "t")
    tenant.do("router delete", "r")


def test_limits_policies_and_the_end(admin, tenant):
    admin.do("quota set", "--networks", "1", "demo")
    assert "Quota exceeded" in tenant.refused("network create", "more")
    shown = {each["Resource"]: each["Limit"] for each in tenant.get("quota show", "--network")}
    assert shown["networks"] == 1
    admin.do("quota delete", "--network", "demo")
    admin.do("network qos policy create", "--share", "gold")
    assert names(tenant, "network qos policy list") == ["gold"]
    tenant.do("port set", "--qos-policy", "gold", "web2")
    assert "is used by" in admin.refused("network qos policy delete", "gold")
    tenant.do("port unset", "--qos-policy", "web2")
    admin.do("network qos policy delete", "gold")
    assert tenant.get("network agent list") == []
    assert any(each["Alias"] == "router" for each in tenant.get("extension list", "--network"))
    assert "in use" in tenant.refused("network delete", "two")
    tenant.do("port delete", "web2")
    tenant.do("subnet delete", "t")
    tenant.do("network delete", "two")
    admin.do("network delete", "o")
    assert tenant.get("network list") == []
