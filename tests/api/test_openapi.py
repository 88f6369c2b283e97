"""The OpenAPI document of the load-balancer API: valid, whole, and nothing in it that the code does not do.

That replies are as the document says is held in every test that calls the API (`tests.api.conformance`).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
from starlette import testclient

from tests.api import balancing
from tests.service import world
from vipool.api import app
from vipool.api.octavia import asking, listing, operations, routes
from vipool.core.policy import actions
from vipool.model import attr, flavor, healthmonitor, l7policy, listener, loadbalancer, pool, quota, tree
from vipool.service import read

DOCUMENT = "/load-balancer/openapi.json"
PREFIX = "/v2/lbaas"
# Those of members and rules are never asked, because a list of them is one of their parent's.
UNASKED = re.compile(r".*:(member|l7rule):get_all-global")


@pytest.fixture
def document(cloud):
    return cloud.client.get(DOCUMENT).json()


def every(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield path, method, said


def schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


def parameters(document: Any, path: str, method: str = "get") -> dict[str, Any]:
    return {each["name"]: each for each in document["paths"][PREFIX + path][method].get("parameters", [])}


def test_the_document_is_valid(document):
    assert document["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(document)


def test_the_document_needs_no_token_and_is_found_at_the_root_too(cloud):
    served = cloud.client.app
    client = testclient.TestClient(app.Dispatcher(services={"/load-balancer": served}, default=served, local=served))
    replies = [client.get(path) for path in (DOCUMENT, "/openapi.json")]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert {reply.headers["content-type"] for reply in replies} == {"application/json"}
    assert replies[0].content == replies[1].content


def test_the_document_is_the_same_whenever_and_wherever_it_is_made(cloud, tmp_path):
    (tmp_path / "other").mkdir()
    other = balancing.Cloud(tmp_path / "other")
    try:
        texts = {each.client.get(DOCUMENT).content for each in (cloud, cloud, other)}
    finally:
        other.database.close()
    assert len(texts) == 1


def test_every_row_of_the_route_table_is_an_operation_of_its_own(cloud, document):
    served = cloud.client.app.face.routes
    desk = asking.Desk(database=cloud.database, rules=world.RULES, most=1)
    usual = {(route.method.lower(), route.path) for route in routes.table(cloud.writer, desk)}
    found = {(method, path.removeprefix(PREFIX)) for path, method, _ in every(document) if path.startswith(PREFIX)}
    assert found == usual
    names = [said["operationId"] for _, _, said in every(document)]
    assert len(names) == len(set(names)) == sum(route.operation is not None for route in served)


def test_every_policy_action_is_named_by_an_operation(document):
    named = {action for _, _, said in every(document) for action in said.get("x-policy-actions", [])}
    assert named <= set(actions.ACTIONS)
    assert {each for each in actions.ACTIONS if not UNASKED.fullmatch(each)} == named


def test_every_schema_is_used_and_every_group_explained(document):
    text = json.dumps(document)
    unused = [name for name in document["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text]
    assert not unused
    tags = [each["name"] for each in document["tags"]]
    assert tags == list(dict.fromkeys(tags))
    assert {tag for _, _, said in every(document) for tag in said["tags"]} == set(tags)
    assert all(each["description"] for each in document["tags"])


@pytest.mark.parametrize("cls", [loadbalancer.LoadBalancer, *routes.CHILDREN, flavor.Flavor], ids=lambda c: c.__name__)
def test_a_list_has_every_argument_that_is_taken_and_each_is_taken(cloud, document, cls):
    found = parameters(document, f"/{cls.NOUN.collection}")
    tagged = set(listing.TAGS) if "tags" in attr.by_wire(cls) else set()
    same = {name for name, other in listing.SAME.items() if other in listing.filters(cls)}
    assert set(found) == {*listing.PAGING, *tagged, *same, *listing.filters(cls), *read.computed(cls)}
    for name in set(found) - set(listing.PAGING):
        assert cloud.call("GET", f"/{cls.NOUN.collection}?{name}=1", who="admin").status_code in {200, 400}, name


def test_arguments_say_how_they_take_several_values(document):
    found = parameters(document, "/listeners")
    assert found["enabled"] == {
        **found["admin_state_up"],
        "name": "enabled",
        "description": found["enabled"]["description"],
    }
    assert "explode" not in found["fields"]
    assert {found[name]["explode"] for name in ("tags", "not-tags-any", "sort", "sort_key", "sort_dir")} == {False}
    assert found["sort_dir"]["schema"]["items"]["enum"] == ["asc", "desc"]
    assert "rise_threshold" in parameters(document, "/healthmonitors")
    assert "cascade" in parameters(document, "/loadbalancers/{id}", "delete")
    assert "additive_only" in parameters(document, "/pools/{pool_id}/members", "put")


@pytest.mark.parametrize("cls", [loadbalancer.LoadBalancer, *tree.FIELDS], ids=lambda cls: cls.__name__)
def test_bodies_have_the_attributes_that_may_be_sent(document, cls):
    name = cls.NOUN.title.replace(" ", "")
    made, changed = schema(document, f"{name}Create"), schema(document, f"{name}Update")
    assert {each.wire for each in attr.attributes(cls) if each.attr.create} <= set(made["properties"])
    assert {each.wire for each in attr.attributes(cls) if each.attr.update} == set(changed["properties"])
    assert (made["additionalProperties"], changed["additionalProperties"]) == (False, False)
    assert set(made.get("required", [])) == {
        each.wire for each in attr.attributes(cls) if each.required and each.attr.create
    }
    assert "required" not in changed


def test_what_null_does_is_said(document):
    made = schema(document, "LoadBalancerCreate")["properties"]
    nullable = {
        name for name, each in made.items() if "null" in str(each.get("type")) or "null" in str(each.get("anyOf"))
    }
    assert {"name", "vip_address", "admin_state_up", "listeners"} <= nullable
    assert not {"flavor_id", "availability_zone"} & nullable
    changed = schema(document, "PoolUpdate")["properties"]
    assert changed["lb_algorithm"]["type"] == "string"
    assert changed["session_persistence"]["type"] == ["object", "null"]
    assert "null" not in str(schema(document, "L7PolicyUpdate")["properties"]["action"])


def test_bounds_defaults_patterns_and_choices_are_those_of_the_declarations(document):
    weight = schema(document, "MemberCreate")["properties"]["weight"]
    assert (weight["minimum"], weight["maximum"], weight["default"]) == (0, 256, 1)
    kinds = schema(document, "HealthMonitorCreate")["properties"]["type"]["enum"]
    assert kinds == [each.value for each in healthmonitor.Type]
    codes = schema(document, "HealthMonitorUpdate")["properties"]["expected_codes"]["pattern"]
    assert re.search(codes, "200,202")
    assert not re.search(codes, "200,202x")
    assert schema(document, "L7PolicyCreate")["properties"]["redirect_http_code"]["enum"] == [*l7policy.CODES, None]


def test_the_body_of_a_whole_tree_is_described(document):
    front = schema(document, "ListenerInTree")
    assert not {"loadbalancer_id", "id"} & set(front["properties"])
    assert {"default_pool", "l7policies"} <= set(front["properties"])
    assert set(front["required"]) == {"protocol", "protocol_port"}
    assert {"members", "healthmonitor"} <= set(schema(document, "PoolInTree")["properties"])
    assert {"redirect_pool", "rules"} <= set(schema(document, "L7PolicyInTree")["properties"])
    whole = schema(document, "LoadBalancerExpanded")["properties"]
    assert whole["listeners"]["items"] == {"$ref": "#/components/schemas/ListenerExpanded"}
    assert "healthmonitor" not in schema(document, "PoolExpanded")["required"]


def test_a_pool_belongs_to_a_load_balancer_or_a_listener(document):
    made = schema(document, "PoolCreate")
    assert made["anyOf"] == [{"required": ["loadbalancer_id"]}, {"required": ["listener_id"]}]
    assert set(made["required"]) == {"protocol", "lb_algorithm"}


@pytest.mark.parametrize("cls", [listener.Listener, pool.Pool], ids=lambda cls: cls.__name__)
def test_replies_show_what_is_computed_too(document, cls):
    shown = schema(document, cls.__name__)
    assert {"provisioning_status", "tenant_id", "loadbalancers"} <= set(shown["properties"])
    assert "required" not in shown  # fields= may leave anything out
    made = document["paths"][f"{PREFIX}/{cls.NOUN.collection}"]["post"]["responses"]["201"]
    whole = made["content"]["application/json"]["schema"]["properties"][cls.NOUN.wrapper]
    assert set(whole["required"]) == set(shown["properties"]) - {"healthmonitor_id"}


def test_quotas_are_known_under_both_spellings(document):
    assert {"load_balancer", "loadbalancer", "health_monitor", "l7rule"} <= set(
        schema(document, "QuotasUpdate")["properties"]
    )
    assert {"project_id", "tenant_id"} <= set(schema(document, quota.Quota.NOUN.title)["properties"])


def test_refusals_have_the_forms_in_which_they_come(document):
    answers = document["components"]["responses"]
    assert answers["Unauthorized"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Unauthorized"
    }
    assert "WWW-Authenticate" in answers["Unauthorized"]["headers"]
    made = document["paths"][f"{PREFIX}/listeners"]["post"]["responses"]
    assert set(made) >= {"201", "400", "401", "403", "404", "409", "413", "415", "501", "507"}
    assert made["413"] == {"$ref": "#/components/responses/RequestTooLarge"}
    assert document["paths"]["/"]["get"]["security"] == []
    assert "401" not in document["paths"]["/"]["get"]["responses"]
    assert document["components"]["securitySchemes"]["token"]["name"] == "X-Auth-Token"


def test_the_words_for_nouns_make_sentences():
    assert operations.several(l7policy.L7Policy) == "L7 policies"
    assert operations.index(loadbalancer.LoadBalancer).summary == "List load balancers"
    assert operations.show(l7policy.L7Policy).summary == "Show an L7 policy"
