"""The unmodified `openstack` command on the rest of what identity and networks have: groups, trusts, pools, sharing."""

import json

import pytest

from tests.compat import passes, terminal


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return passes.Passes("openstack-neighbours")


@pytest.fixture(scope="module")
def console(live, noted):
    """Make a console for a user, by environment variables."""
    made = []

    def make(**variables):
        common = {"OS_AUTH_URL": f"{live.url}/identity/v3", "OS_IDENTITY_API_VERSION": "3"}
        made.append(terminal.Console(noted, variables if "OS_CLOUD" in variables else {**common, **variables}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def admin(live, console):
    """The administrator."""
    return console(OS_CLIENT_CONFIG_FILE=str(live.clouds_file), OS_CLOUD="vipool")


def user(admin, console, name):
    """Somebody in a project of the same name."""
    admin.do("project create", name)
    admin.do("user create", "--project", name, "--password", f"pw-{name}", name)
    admin.do("role add", "--project", name, "--user", name, "member")
    return console(OS_USERNAME=name, OS_PASSWORD=f"pw-{name}", OS_PROJECT_NAME=name, **terminal.DOMAIN)


@pytest.fixture(scope="module")
def ann(admin, console):
    """A tenant."""
    yield user(admin, console, "ann")
    admin.do("user delete", "ann")
    admin.do("project delete", "ann")


@pytest.fixture(scope="module")
def ben(admin, console):
    """Another one."""
    yield user(admin, console, "ben")
    admin.do("user delete", "ben")
    admin.do("project delete", "ben")


def names(console, command, *words):
    """The names in a list, in order of names."""
    return sorted(each["Name"] for each in console.get(command, *words))


def test_groups(admin, ann, console):
    admin.do("group create", "--description", "d", "crew")
    admin.do("user create", "--password", "pw-cat", "cat")
    admin.do("group add user", "crew", "cat")
    assert "cat in group crew" in admin.do("group contains user", "crew", "cat")
    assert names(admin, "user list", "--group", "crew") == ["cat"]
    admin.do("role add", "--group", "crew", "--project", "ann", "member")
    cat = console(OS_USERNAME="cat", OS_PASSWORD="pw-cat", OS_PROJECT_NAME="ann", **terminal.DOMAIN)
    assert cat.get("token issue")["project_id"] == admin.get("project show", "ann")["id"]
    effective = admin.get("role assignment list", "--user", "cat", "--effective", "--names")
    assert {each["Role"] for each in effective} == {"member", "reader"}
    assert [each["Group"] for each in admin.get("role assignment list", "--group", "crew", "--names")] == [
        "crew@Default"
    ]
    admin.do("group set", "--name", "crew2", "crew")
    assert admin.get("group show", "crew2")["description"] == "d"
    admin.do("role remove", "--group", "crew2", "--project", "ann", "member")
    admin.do("group remove user", "crew2", "cat")
    admin.do("group delete", "crew2")
    admin.do("user delete", "cat")
    assert names(admin, "group list") == []


def test_trusts(admin, ann, ben, console):
    me, other = ann.get("token issue"), ben.get("token issue")
    role = admin.get("role show", "member")["id"]
    named = ("--project", me["project_id"], "--role", role, "--impersonate", me["user_id"], other["user_id"])
    made = ann.get("trust create", *named)
    assert ben.get("trust show", made["id"])["trustor_user_id"] == me["user_id"]
    assert [each["ID"] for each in ann.get("trust list", "--trustor", me["user_id"])] == [made["id"]]
    acting = console(OS_USERNAME="ben", OS_PASSWORD="pw-ben", OS_TRUST_ID=made["id"], OS_USER_DOMAIN_ID="default")
    assert acting.get("token issue")["project_id"] == me["project_id"]
    ann.do("trust delete", made["id"])
    assert acting.refused("token issue")


def test_application_credentials_with_access_rules(ann, console):
    rules = [{"service": "network", "method": "GET", "path": "/v2.0/networks"}]
    made = ann.get("application credential create", "--access-rules", json.dumps(rules), "program")
    program = console(
        OS_AUTH_TYPE="v3applicationcredential",
        OS_APPLICATION_CREDENTIAL_ID=made["ID"],
        OS_APPLICATION_CREDENTIAL_SECRET=made["Secret"],
    )
    assert isinstance(program.get("network list"), list)
    assert "leave out GET /v2.0/subnets" in program.refused("subnet list")
    (rule,) = ann.get("access rule list")
    assert ann.get("access rule show", rule["ID"])["Path"] == "/v2.0/networks"
    assert ann.refused("access rule delete", rule["ID"])
    ann.do("application credential delete", "program")
    ann.do("access rule delete", rule["ID"])


def test_the_catalog(admin):
    admin.do("region create", "--description", "d", "Abroad")
    admin.do("service create", "--name", "designate", "--description", "names", "dns")
    made = admin.get(
        "endpoint create", "--region", "Abroad", "designate", "public", "http://dns.example/$(project_id)s"
    )
    catalog = {each["Type"]: each["Endpoints"] for each in admin.get("catalog list")}
    project = admin.get("token issue")["project_id"]
    assert [each["url"] for each in catalog["dns"]] == [f"http://dns.example/{project}"]
    admin.do("endpoint set", "--url", "http://dns2.example", made["id"])
    assert admin.get("endpoint show", made["id"])["url"] == "http://dns2.example"
    assert [each["ID"] for each in admin.get("endpoint list", "--service", "designate")] == [made["id"]]
    admin.do("service set", "--name", "designate2", "designate")
    assert admin.get("service show", "designate2")["type"] == "dns"
    assert "have associated endpoints" in admin.refused("region delete", "Abroad")
    admin.do("endpoint delete", made["id"])
    admin.do("service delete", "designate2")
    admin.do("region set", "--description", "e", "Abroad")
    assert admin.get("region show", "Abroad")["description"] == "e"
    admin.do("region delete", "Abroad")
    assert {each["Region"] for each in admin.get("region list")} == {"RegionOne"}


def test_subnet_pools(ann):
    ann.do("subnet pool create", "--pool-prefix", "10.44.0.0/16", "--default-prefix-length", "26", "pool")
    ann.do("network create", "placed")
    made = ann.get("subnet create", "--network", "placed", "--subnet-pool", "pool", "first")
    assert made["cidr"] == "10.44.0.0/26"
    six = ("--subnet-pool", "pool", "--prefix-length", "28", "second")
    assert ann.get("subnet create", "--network", "placed", *six)["cidr"] == "10.44.0.64/28"
    ann.do("subnet pool set", "--pool-prefix", "10.45.0.0/16", "--name", "pool2", "pool")
    assert ann.get("subnet pool show", "pool2")["prefixes"] == ["10.44.0.0/15"]
    assert names(ann, "subnet pool list") == ["pool2"]
    assert "existing allocations" in ann.refused("subnet pool delete", "pool2")
    ann.do("network delete", "placed")
    ann.do("subnet pool delete", "pool2")


def test_qos_policies(admin, ann):
    admin.do("network qos policy create", "--share", "gold")
    limit = ("--type", "bandwidth-limit", "--max-kbps", "1000", "--ingress")
    rule = admin.get("network qos rule create", *limit, "gold")
    admin.do("network qos rule create", "--type", "dscp-marking", "--dscp-mark", "26", "gold")
    admin.do("network qos rule set", "--max-kbps", "2000", "gold", rule["id"])
    assert admin.get("network qos rule show", "gold", rule["id"])["max_kbps"] == 2000
    assert len(admin.get("network qos rule list", "gold")) == 2
    assert {each["type"] for each in ann.get("network qos policy show", "gold")["rules"]} == {
        "bandwidth_limit",
        "dscp_marking",
    }
    assert len(ann.get("network qos rule type list")) == 5
    assert admin.get("network qos rule type show", "dscp_marking")["rule_type_name"] == "dscp_marking"
    ann.do("network create", "--qos-policy", "gold", "limited")
    ann.do("network set", "--no-qos-policy", "limited")
    ann.do("network delete", "limited")
    admin.do("network qos rule delete", "gold", rule["id"])
    admin.do("network qos policy delete", "gold")


def test_networks_are_shared_with_single_projects(admin, ann, ben):
    ann.do("network create", "lent")
    target = ben.get("token issue")["project_id"]
    words = ("--type", "network", "--action", "access_as_shared", "--target-project", target, "lent")
    made = ann.get("network rbac create", *words)
    assert "lent" in names(ben, "network list")
    assert ben.get("network show", "lent")["shared"] is True
    assert [each["ID"] for each in ann.get("network rbac list")] == [made["id"]]
    assert ann.get("network rbac show", made["id"])["target_project_id"] == target
    ann.do("network rbac delete", made["id"])
    assert "lent" not in names(ben, "network list")
    ann.do("network delete", "lent")


def test_a_topology_on_request(admin, ann):
    admin.do("network create", "--external", "--default", "way-out")
    admin.do("subnet create", "--network", "way-out", "--subnet-range", "10.20.60.0/24", "way-out")
    pool = ("--pool-prefix", "10.46.0.0/16", "--default-prefix-length", "24", "--share", "--default", "defaults")
    admin.do("subnet pool create", *pool)
    ann.do("network auto allocated topology create", "--check-resources")
    ann.do("network auto allocated topology create")
    assert "auto_allocated_network" in names(ann, "network list")
    ann.do("router add route", "--route", "destination=10.50.0.0/16,gateway=10.46.0.9", "auto_allocated_router")
    ann.do("router remove route", "--route", "destination=10.50.0.0/16,gateway=10.46.0.9", "auto_allocated_router")
    ann.do("network auto allocated topology delete")
    admin.do("subnet pool delete", "defaults")
    admin.do("network delete", "way-out")


def test_what_else_there_is(admin, ann):
    assert ann.get("network service provider list")[0]["Name"] == "single_node"
    assert len(ann.get("default security group rule list")) == 4
    assert {each["Alias"] for each in ann.get("extension list", "--network")} >= {"qos", "rbac-policies"}
    assert ann.get("extension show", "router")["alias"] == "router"
    assert ann.get("availability zone list", "--network") == []
    assert ann.get("network trunk list") == []
    admin.do("project set", "--tag", "blue", "ann")
    assert names(admin, "project list", "--tags", "blue") == ["ann"]
    assert admin.get("project show", "--parents", "ann")["parents"] == {"default": None}
    admin.do("role create", "operator")
    admin.do("implied role create", "--implied-role", "reader", "operator")
    assert "operator" in {each["Prior Role Name"] for each in admin.get("implied role list")}
    admin.do("implied role delete", "--implied-role", "reader", "operator")
    admin.do("role delete", "operator")
    admin.do("domain create", "other")
    admin.do("domain set", "--disable", "other")
    assert admin.get("domain show", "other")["enabled"] is False
    admin.do("domain delete", "other")
    assert names(admin, "domain list") == ["Default"]


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
