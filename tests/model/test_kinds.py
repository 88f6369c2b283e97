"""Every kind of attribute that any noun uses: it describes itself, keeps what it takes, and refuses what it cannot."""

import json

import pytest

from vipool.model import attr, nouns, port, securitygroup, types

DECLARED = [(noun, each) for noun in nouns.NOUNS for each in attr.attributes(noun)]
# Any value at all, or the text of any value at all: these may refuse nothing.
LENIENT = (types.Json,)


def called(each):
    return each.__name__ if isinstance(each, type) else getattr(each, "name", str(each))


@pytest.mark.parametrize(("noun", "attribute"), DECLARED, ids=called)
def test_a_kind_describes_itself_in_json(noun, attribute):
    assert json.loads(json.dumps(attribute.kind.schema())) == attribute.kind.schema()
    assert isinstance(attribute.kind.storage, types.Storage)


@pytest.mark.parametrize(("noun", "attribute"), DECLARED, ids=called)
def test_a_kind_refuses_nonsense_with_a_sentence(noun, attribute):
    if not isinstance(attribute.kind, LENIENT):
        with pytest.raises(ValueError, match=r"\w+ \w+"):
            attribute.kind.parse(object())


@pytest.mark.parametrize("sent", ["FA:16:3E:00:00:01", "fa-16-3e-00-00-01"])
def test_a_mac_is_kept_in_one_spelling(sent):
    assert port.Mac().parse(sent) == "fa:16:3e:00:00:01"


@pytest.mark.parametrize("sent", ["01:00:5e:00:00:01", "00:00:00:00:00:00", "fa:16:3e:00:00", 7])
def test_what_is_no_address_of_one_interface_is_no_mac(sent):
    with pytest.raises(ValueError, match=r"MAC|interface"):
        port.Mac().parse(sent)


def test_a_profile_is_any_object():
    assert port.Profile().parse({"a": 1}) == {"a": 1}


def test_switches_are_known_by_name():
    kind = types.Flags(("a", "b"))
    assert kind.parse({"a": True, "b": None}) == {"a": True, "b": None}
    with pytest.raises(ValueError, match="'c' was unexpected"):
        kind.parse({"c": True})
    with pytest.raises(ValueError, match="boolean"):
        kind.parse({"a": "yes"})


def test_any_json_is_kept_as_it_is():
    assert types.Json().parse([{"a": None}]) == [{"a": None}]


def test_a_protocol_has_a_name_or_a_number():
    kind = securitygroup.Protocol()
    assert kind.parse("TCP") == "tcp"
    assert kind.parse(6) == "6"
    assert kind.parse("any") is None
