"""A POST that is repeated under the same key: one object, one answer, whatever happened in between."""

import dataclasses
import threading
from typing import Any

from tests.api import balancing
from tests.service import world
from vipool.cloud.secrets import fake
from vipool.model import loadbalancer, port, receipt
from vipool.service import certificates

BODY = {"loadbalancer": {"vip_subnet_id": world.SUBNET, "name": "one"}}


def post(cloud, key="a-key", body=BODY, path="/loadbalancers", **more):
    return cloud.call("POST", path, body, headers={"Idempotency-Key": key}, **more)


def test_a_repeated_request_answers_what_the_first_did(cloud):
    first = post(cloud)
    cloud.settle()
    again = post(cloud)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert (cloud.count(loadbalancer.LoadBalancer), cloud.count(port.Port)) == (1, 1)


def test_keys_are_one_s_own_and_of_one_path(cloud):
    root = post(cloud).json()["loadbalancer"]["id"]
    assert post(cloud, "another-key").json()["loadbalancer"]["id"] != root
    assert post(cloud, who="admin", body={"loadbalancer": {**BODY["loadbalancer"], "project_id": world.PROJECT}})
    assert cloud.count(loadbalancer.LoadBalancer) == 3
    pool = {"pool": {**balancing.POOL, "loadbalancer_id": root}}
    assert post(cloud, body=pool, path="/pools").status_code == 201


def test_a_key_of_another_request_is_refused(cloud):
    post(cloud)
    reply = post(cloud, body={"loadbalancer": {**BODY["loadbalancer"], "name": "two"}})
    assert reply.status_code == 422
    assert "take a new key for a new request" in balancing.sentence(reply)
    assert cloud.count(loadbalancer.LoadBalancer) == 1


def test_what_was_refused_may_be_tried_again(cloud):
    body = {"loadbalancer": {"vip_subnet_id": "99999999-0000-4000-8000-000000000000"}}
    assert post(cloud, body=body).status_code == 400
    assert cloud.count(receipt.Receipt) == 0
    assert post(cloud).status_code == 201


def test_a_crowd_with_one_key_makes_one_object(cloud):
    found = []
    crowd = [threading.Thread(target=lambda: found.append(post(cloud).json()["loadbalancer"]["id"])) for _ in range(8)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert len(set(found)) == 1
    assert cloud.count(loadbalancer.LoadBalancer) == 1


class Meanwhile(dict[str, Any]):
    """Certificates; whoever asks for one finds that somebody else can write in the meantime."""

    cloud: balancing.Cloud

    def get(self, *asked: Any) -> Any:
        other = threading.Thread(target=self.cloud.balancer)
        other.start()
        other.join(5)
        assert not other.is_alive()
        return super().get(*asked)


def test_a_request_whose_certificate_is_being_looked_at_keeps_no_other_writer_waiting(cloud):
    held = Meanwhile(cloud.secrets.certificates)
    held.cloud = cloud
    looking = certificates.Certificates(database=cloud.database, secrets=fake.Secrets(certificates=held))
    cloud.serve(dataclasses.replace(cloud.writer, certificates=looking))
    root = cloud.balancer()["id"]
    body = {"protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": "x"}
    reply = post(cloud, path="/listeners", body={"listener": {**body, "loadbalancer_id": root}})
    assert reply.status_code == 201
    assert cloud.count(loadbalancer.LoadBalancer) == 2


def test_an_answer_is_kept_for_a_day(cloud):
    first = post(cloud).json()["loadbalancer"]["id"]
    cloud.pass_time(86_000)
    assert post(cloud).json()["loadbalancer"]["id"] == first
    cloud.pass_time(1_000)
    assert post(cloud).json()["loadbalancer"]["id"] != first
    assert cloud.count(receipt.Receipt) == 1


def test_a_key_must_be_one(cloud):
    for key in ("", "x" * 256):
        reply = post(cloud, key)
        assert (reply.status_code, "1 to 255 printable characters" in balancing.sentence(reply)) == (400, True)


def test_who_may_not_is_refused_whatever_the_key(cloud):
    post(cloud)
    assert post(cloud, who="reader").status_code == 403


def test_other_methods_take_no_notice_of_keys(cloud):
    root = post(cloud).json()["loadbalancer"]["id"]
    for name in ("x", "y"):
        body = {"loadbalancer": {"name": name}}
        reply = cloud.call("PUT", f"/loadbalancers/{root}", body, headers={"Idempotency-Key": "a-key"})
        assert reply.json()["loadbalancer"]["name"] == name
