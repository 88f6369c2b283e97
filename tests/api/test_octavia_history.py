"""The history of a load balancer: who changed what and when, how it became real, and who may read of it."""

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import event
from vipool.service import history

NOWHERE = "99999999-0000-4000-8000-000000000000"
RULE = {"type": "HEADER", "key": "Authorization", "compare_type": "EQUAL_TO", "value": "open-sesame"}


def told(cloud, root, query="", **more):
    return cloud.get(f"/load-balancer/vipool/v1/loadbalancers/{root}/history{query}", **more)["history"]


def test_every_write_is_told_the_newest_first(cloud):
    root = cloud.balancer(name="one")["id"]
    cloud.pass_time(60)
    front = cloud.listener(root)["id"]
    cloud.change("listener", f"/listeners/{front}", connection_limit=5)
    newest, middle, oldest = told(cloud, root)
    assert [each["action"].split(":", 1)[1] for each in (oldest, middle, newest)] == [
        "loadbalancer:post", "listener:post", "listener:put",
    ]  # fmt: skip
    assert [each["generation"] for each in (oldest, middle, newest)] == [1, 2, 3]
    assert (oldest["user_id"], oldest["project_id"], oldest["loadbalancer_id"]) == (
        world.MEMBER.user_id,
        world.PROJECT,
        root,
    )
    assert (oldest["created_at"], middle["created_at"]) == ("2026-11-23T12:00:00.000250", "2026-11-23T12:01:00.000250")
    (made,) = oldest["changes"]
    assert (made["object"], made["id"], made["before"]) == ("loadbalancer", root, None)
    assert (made["after"]["name"], made["after"]["vip_subnet_id"]) == ("one", world.SUBNET)
    (changed,) = newest["changes"]
    assert changed == {
        "object": "listener",
        "id": front,
        "before": {"connection_limit": -1},
        "after": {"connection_limit": 5},
    }


def test_it_is_told_how_and_when_a_write_became_real(cloud):
    root = cloud.balancer()["id"]
    (entry,) = told(cloud, root)
    assert (entry["realised_at"], entry["realised_by"], entry["fault"]) == (None, None, None)
    cloud.pass_time(1)
    cloud.settle(fault="It could not.")
    (entry,) = told(cloud, root)
    assert (entry["realised_at"], entry["fault"]) == (None, "It could not.")
    cloud.pass_time(1)
    cloud.settle(done="started HAProxy")
    (entry,) = told(cloud, root)
    assert (entry["realised_at"], entry["realised_by"], entry["fault"]) == (
        "2026-11-23T12:00:02.000250",
        "started HAProxy",
        None,
    )
    cloud.pass_time(1)
    cloud.settle(done="nothing")
    assert told(cloud, root) == [entry]


def test_writes_that_become_real_together_say_so(cloud):
    root = cloud.balancer()["id"]
    cloud.listener(root)
    cloud.settle(done="started HAProxy")
    assert [each["realised_by"] for each in told(cloud, root)] == ["started HAProxy"] * 2


def test_what_went_is_told_too(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    above = cloud.make("l7policy", "/l7policies", listener_id=front, action="REJECT")["id"]
    cloud.call("DELETE", f"/listeners/{front}")
    gone = told(cloud, root)[0]["changes"]
    assert {(each["object"], each["id"]) for each in gone} == {("listener", front), ("l7policy", above)}
    assert all(each["after"] is None for each in gone)
    assert gone[0]["before"]["protocol_port"] == 80


def test_a_secret_is_not_told(cloud):
    front = cloud.listener(cloud.balancer()["id"])
    root = front["loadbalancers"][0]["id"]
    above = cloud.make("l7policy", "/l7policies", listener_id=front["id"], action="REJECT")["id"]
    met = cloud.make("rule", f"/l7policies/{above}/rules", **RULE)["id"]
    cloud.change("rule", f"/l7policies/{above}/rules/{met}", value="other-word")
    said = cloud.call("GET", f"/load-balancer/vipool/v1/loadbalancers/{root}/history").text
    assert "Authorization" in said
    assert "***" in said
    for secret in ("open-sesame", "other-word"):
        assert secret not in said


def test_history_outlives_its_load_balancer(cloud):
    root = cloud.balancer()["id"]
    cloud.settle()
    cloud.call("DELETE", f"/loadbalancers/{root}")
    cloud.settle()
    assert cloud.call("GET", f"/loadbalancers/{root}").status_code == 404
    last = told(cloud, root)[0]
    assert (last["action"].rsplit(":", 1)[1], last["realised_by"]) == ("delete", "removed it")


def test_who_may_read_it(cloud):
    root = cloud.balancer()["id"]
    path = f"/load-balancer/vipool/v1/loadbalancers/{root}/history"
    assert cloud.call("GET", path, who="reader").status_code == 200
    assert cloud.call("GET", path, who="admin").status_code == 200
    for who in ("stranger", "nobody"):
        assert cloud.call("GET", path, who=who).status_code == 403
    cloud.call("DELETE", f"/loadbalancers/{root}")
    cloud.settle()
    assert cloud.call("GET", path, who="stranger").status_code == 403
    reply = cloud.call("GET", path.replace(root, NOWHERE))
    assert (reply.status_code, balancing.sentence(reply)) == (404, f"Load Balancer {NOWHERE} not found.")


def test_it_is_a_list_like_any_other(cloud):
    root = cloud.balancer()["id"]
    cloud.pass_time(1)
    front = cloud.listener(root)["id"]
    for limit in range(3):
        cloud.pass_time(1)
        cloud.change("listener", f"/listeners/{front}", connection_limit=limit)
    everything = told(cloud, root)
    assert told(cloud, root, "?sort=created_at:asc") == everything[::-1]
    page = cloud.get(f"/load-balancer/vipool/v1/loadbalancers/{root}/history?limit=3")
    assert page["history"] == everything[:3]
    rest = page["history_links"][0]["href"].removeprefix("http://cloud.example")
    assert cloud.get(rest)["history"] == everything[3:]
    assert [each["generation"] for each in told(cloud, root, "?generation=2")] == [2]
    assert told(cloud, root, "?limit=1&fields=generation") == [{"generation": 5}]
    other = cloud.balancer()["id"]
    marker = told(cloud, other)[0]["id"]
    assert (
        cloud.call("GET", f"/load-balancer/vipool/v1/loadbalancers/{root}/history?marker={marker}").status_code == 400
    )


@pytest.mark.parametrize("path", ["/load-balancer/vipool", "/load-balancer/vipool/v1"])
def test_vipool_says_what_it_adds_in_a_document_of_its_own(cloud, path):
    reply = cloud.client.get(path)
    assert reply.status_code == 200
    (version,) = reply.json()["versions"]
    assert version["links"][0]["href"] == "http://cloud.example/load-balancer/vipool/v1"
    assert {"history", "provisioning_fault"} <= {each["name"] for each in reply.json()["adds"]}
    assert "vipool" not in cloud.client.get("/load-balancer/").text


def test_what_is_old_is_forgotten(cloud):
    root = cloud.balancer()["id"]
    cloud.pass_time(86_400 * 3)
    cloud.change("loadbalancer", f"/loadbalancers/{root}", name="x")
    assert history.forget(cloud.database, days=2) == 1
    assert [each["generation"] for each in told(cloud, root)] == [2]
    assert cloud.count(event.Event) == 1
