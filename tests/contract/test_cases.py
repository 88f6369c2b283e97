"""The trees of the contract are such as clients can have, and leave no attribute out."""

import pytest

from vipool.contract import cases
from vipool.core.rules import check
from vipool.model import attr, deployment, loadbalancer, tree

# What is for people, or refused by the API for every provider.
OF_NO_CONCERN = {"name", "description", "tags", "request_sriov"}


@pytest.mark.parametrize("name", cases.CASES)
def test_a_case_keeps_the_rules_that_hold_for_every_provider(name):
    whole = cases.CASES[name]
    for row in whole.rows():
        if not isinstance(row, loadbalancer.LoadBalancer):
            check.check(whole, row, deployment.USUAL)


@pytest.mark.parametrize("noun", tree.FIELDS, ids=lambda noun: noun.__name__)
def test_every_attribute_has_another_value_than_its_default_somewhere(noun):
    rows = [row for whole in cases.CASES.values() for row in whole.children(noun)]
    for each in attr.attributes(noun):
        if (each.attr.create or each.attr.update) and each.name not in OF_NO_CONCERN:
            assert any(getattr(row, each.name) != each.default for row in rows), each.name
