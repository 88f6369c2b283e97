"""What clients of the network API send: bodies read into values, in the order in which Neutron looks at them.

First the shape of the body, then whose project, then names nobody knows, then in one pass what may not be set and what
is missing, then the types.  Policy, quotas and the service itself come later.
"""

from collections.abc import Mapping
from typing import Any

from vipool.api import exchange
from vipool.api.network import views
from vipool.model import attr, caller, faults, owned, port, router, subnet, types

Noun = type[owned.Owned]
# What Neutron lets clients send and is no attribute: read elsewhere, or of no use to vipool.
BESIDE: Mapping[Noun, frozenset[str]] = {
    port.Port: frozenset({"tags"}),
    subnet.Subnet: frozenset({"prefixlen", "use_default_subnetpool", "segment_id", "dns_publish_fixed_ip"}),
    router.Router: frozenset({"enable_ndp_proxy"}),
}


def bad(sentence: str) -> faults.Invalid:
    """The refusal of a request that makes no sense at the API itself."""
    return faults.Invalid(sentence, kind="HTTPBadRequest")


def objects(call: exchange.Call, cls: Noun) -> tuple[list[dict[str, Any]], bool]:
    """The bodies of a POST, and whether there are several (bulk).  Raises faults.Invalid."""
    body = _document(call, cls)
    if cls.NOUN.collection not in body:
        return [_object(body, cls.NOUN.wrapper)], False
    found = body[cls.NOUN.collection]
    if not isinstance(found, list) or not found:
        raise bad("Resources required")
    if not all(isinstance(each, dict) for each in found):
        raise bad(f"Object '{cls.NOUN.collection}' contains invalid data")
    return found, True


def single(call: exchange.Call, cls: type[attr.Resource]) -> dict[str, Any]:
    """The body of a PUT.  Raises faults.Invalid."""
    return _object(_document(call, cls), cls.NOUN.wrapper)


def _document(call: exchange.Call, cls: type[attr.Resource]) -> dict[str, Any]:
    if call.body is None:
        raise bad(f"Unable to find '{cls.NOUN.wrapper}' in request body")
    if not isinstance(call.body, dict):
        raise bad("Body contains invalid data")
    return call.body


def _object(body: Mapping[str, Any], wrapper: str) -> dict[str, Any]:
    if wrapper not in body:
        raise bad(f"Unable to find '{wrapper}' in request body")
    found = body[wrapper]
    if not isinstance(found, dict):
        raise bad(f"Object '{wrapper}' contains invalid data")
    return found


def created(cls: Noun, body: Mapping[str, Any], who: caller.Caller) -> dict[str, Any]:
    """The values of a new object, by field name, its project among them.  Raises faults.Invalid."""
    owner = project(body, who)
    sent = _without_tenant(body, BESIDE.get(cls, frozenset()))
    _refuse_unknown(cls, sent)
    for attribute in attr.attributes(cls):
        if attribute.wire in sent and not attribute.attr.create:
            raise bad(f"Attribute '{attribute.wire}' not allowed in POST")
        if attribute.required and attribute.attr.create and attribute.wire not in sent:
            raise bad(f"Failed to parse request. Required attribute '{attribute.wire}' not specified")
    for name in views.COMPUTED.get(cls, ()):
        if name in sent:
            raise bad(f"Attribute '{name}' not allowed in POST")
    return {**_values(cls, sent), "project_id": owner}


def changed(cls: Noun, body: Mapping[str, Any], who: caller.Caller) -> dict[str, Any]:
    """The changed values of an object, by field name.  Raises faults.Invalid."""
    _named(body, who)
    sent = _without_tenant(body, frozenset())
    _refuse_unknown(cls, sent)
    known = attr.by_wire(cls)
    for name in sent:
        if name not in known or not known[name].attr.update:
            raise bad(f"Cannot update read-only attribute {name}")
    return _values(cls, sent)


def project(body: Mapping[str, Any], who: caller.Caller) -> str:
    """The project of a new object: the one the body names, or the caller's.  Raises faults.Invalid."""
    found = _named(body, who)
    if not found:
        raise bad("The token has no project: log in to one, or name it as project_id.")
    return found


def _named(body: Mapping[str, Any], who: caller.Caller) -> str:
    named = [body[name] for name in ("project_id", "tenant_id") if body.get(name) is not None]
    if len(named) == 2 and named[0] != named[1]:
        raise bad("'project_id' and 'tenant_id' do not match")
    found = named[0] if named else who.project_id
    if named and found != who.project_id and not who.is_admin:
        raise bad(
            "Specifying 'project_id' other than the authenticated project in request is not allowed for the current "
            "user."
        )
    if found is not None and not isinstance(found, str):
        raise bad(f"Invalid input for project_id. Reason: '{found}' is not a valid string.")
    return found or ""


def _without_tenant(body: Mapping[str, Any], ignored: frozenset[str]) -> dict[str, Any]:
    sent = {key: value for key, value in body.items() if key != "tenant_id" and key not in ignored}
    return sent


def _refuse_unknown(cls: Noun, sent: Mapping[str, Any]) -> None:
    shown = {each.wire for each in attr.attributes(cls) if each.attr.create or each.attr.update or each.attr.show}
    unknown = [str(name) for name in sent if name not in shown and name not in views.COMPUTED.get(cls, ())]
    if unknown:
        raise bad(f"Unrecognized attribute(s) '{', '.join(unknown)}'")


def _values(cls: Noun, sent: Mapping[str, Any]) -> dict[str, Any]:
    known = attr.by_wire(cls)
    return {known[name].name: _value(known[name], value) for name, value in sent.items() if name in known}


def _value(attribute: attr.Attribute, value: object) -> object:
    if value is None and attribute.attr.null is attr.Null.DEFAULT:
        raise _refused(attribute, f"'None' is not a valid {attribute.kind.storage}.")
    try:
        return attribute.parse(value, update=False)
    except faults.BadAttribute as error:
        raise _refused(attribute, f"{error.reason}.") from error


def _refused(attribute: attr.Attribute, reason: str) -> faults.Invalid:
    # Neutron converts these before it validates, and its converters word their refusals otherwise.
    if isinstance(attribute.kind, types.Boolean | types.Cidr):
        return faults.Invalid(f"Invalid input for operation: {attribute.wire}: {reason}", kind="InvalidInput")
    return bad(f"Invalid input for {attribute.wire}. Reason: {reason}")
