"""What a provider offers to flavors and zones, and what is not among it."""

from vipool.core import offers
from vipool.model import types

OFFERS = {"size": offers.Offer(description="How big.", kind=types.Integer(1, 9))}


def test_what_is_offered_may_be_had():
    assert offers.refuse({}, OFFERS) is None
    assert offers.refuse({"size": 5}, OFFERS) is None


def test_what_is_not_offered_is_refused_in_words():
    assert offers.refuse({"colour": "red"}, OFFERS) == "Additional properties are not allowed ('colour' was unexpected)"
    assert offers.refuse({"size": 10}, OFFERS) == "size cannot be 10: Value should be lower or equal to 9"
