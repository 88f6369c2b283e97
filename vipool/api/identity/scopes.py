"""What a request for a token says, read from its body; every ``Expecting to find`` is Keystone's own."""

from collections.abc import Mapping
from typing import Any

from vipool.api.identity import dialect
from vipool.cloud.identity.embedded import attempts, login, tokens
from vipool.model import faults

METHODS = (tokens.Method.PASSWORD, tokens.Method.TOKEN, tokens.Method.APPLICATION_CREDENTIAL)
KINDS = ("system", "project", "domain", "OS-TRUST:trust", "unscoped")


def attempt(body: object, address: str) -> attempts.Attempt:
    """The login a body describes; raises faults.Invalid."""
    if not isinstance(body, dict) or not isinstance(body.get("auth"), dict):
        raise dialect.expecting("auth", "request body")
    asked = body["auth"]
    identity = asked.get("identity")
    if not isinstance(identity, dict):
        raise faults.Invalid("'identity' is a required property")
    methods = identity.get("methods")
    if not isinstance(methods, list) or not all(isinstance(method, str) for method in methods):
        raise faults.Invalid("'methods' is a required property")
    if any(method not in METHODS for method in methods):
        raise login.Challenge("Attempted to authenticate with an unsupported method.", tuple(METHODS))
    proofs = tuple(_proof(tokens.Method(method), identity) for method in dict.fromkeys(methods))
    scope = _scope(asked["scope"]) if "scope" in asked else attempts.Anywhere()
    return attempts.Attempt(proofs=proofs, scope=scope, address=address)


def _proof(method: tokens.Method, identity: Mapping[str, Any]) -> attempts.Proof:
    given = identity.get(method)
    if not isinstance(given, dict):
        raise dialect.expecting(method, "identity")
    match method:
        case tokens.Method.PASSWORD:
            somebody = _object(given, "user", method)
            return attempts.Password(user=_ref(somebody, "user"), password=_text(somebody, "password", "user"))
        case tokens.Method.TOKEN:
            token = _text(given, "id", "token")
            if token is None:
                raise faults.Invalid("Invalid input for field 'identity/token': 'id' is a required property")
            return attempts.Held(token=token)
        case tokens.Method.APPLICATION_CREDENTIAL:
            return _key(given)


def _key(given: Mapping[str, Any]) -> attempts.Key:
    where = "application credential"
    identifier, name = _text(given, "id", where), _text(given, "name", where)
    owner = None
    if identifier is None:
        if name is None:
            raise dialect.expecting("id or name", where)
        if not isinstance(given.get("user"), dict):
            raise dialect.expecting("user", where)
        owner = _ref(given["user"], "user")
    return attempts.Key(id=identifier, name=name, user=owner, secret=_text(given, "secret", where))


def _scope(asked: object) -> attempts.Scope:
    if asked == "unscoped":
        return attempts.Nowhere()
    kinds = [kind for kind in KINDS if isinstance(asked, dict) and kind in asked]
    if not isinstance(asked, dict) or len(kinds) != 1:
        raise dialect.expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    match kinds[0]:
        case "project":
            return attempts.InProject(project=_ref(_object(asked, "project", "scope"), "project"))
        case "domain":
            return attempts.InDomain(domain=_domain(_object(asked, "domain", "scope"), "domain"))
        case "system":
            if _object(asked, "system", "scope").get("all") is not True:
                raise dialect.expecting("all", "system")
            return attempts.InSystem()
        case "unscoped":
            return attempts.Nowhere()
        case _:
            identifier = _text(_object(asked, "OS-TRUST:trust", "scope"), "id", "OS-TRUST:trust")
            if identifier is None:
                raise dialect.expecting("id", "OS-TRUST:trust")
            return attempts.ByTrust(id=identifier)


def _ref(given: Mapping[str, Any], where: str) -> attempts.Ref:
    """A user or project, by id or by name and domain."""
    identifier, name = _text(given, "id", where), _text(given, "name", where)
    if identifier is not None:
        return attempts.Ref(id=identifier)
    if name is None:
        raise dialect.expecting("id or name", where)
    if not isinstance(given.get("domain"), dict):
        raise dialect.expecting("domain", where)
    return attempts.Ref(name=name, domain=_domain(given["domain"], "domain"))


def _domain(given: Mapping[str, Any], where: str) -> attempts.Ref:
    identifier, name = _text(given, "id", where), _text(given, "name", where)
    if identifier is None and name is None:
        raise dialect.expecting("id or name", where)
    return attempts.Ref(id=identifier, name=name)


def _object(given: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    found = given.get(name)
    if not isinstance(found, dict):
        raise dialect.expecting(name, where)
    return found


def _text(given: Mapping[str, Any], name: str, where: str) -> str | None:
    found = given.get(name)
    if found is not None and not isinstance(found, str):
        raise faults.Invalid(f"Invalid input for field '{where}/{name}': *** is not of type 'string'")
    return found
