"""Tokens over HTTP: getting, looking at and voiding them, and what somebody may log in to."""

import datetime
from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, lists, policy, scopes, views
from vipool.cloud.identity.embedded import authority as authorities
from vipool.cloud.identity.embedded import catalog, grants, projects, tokens
from vipool.model import domain, faults, project, role
from vipool.store import rows

UPDATED = "2020-04-07T00:00:00Z"  # of version 3.14 of the API, as every service that speaks it says
MEDIA = [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]


class Auth:
    """Handlers of ``/`` and ``/v3/auth``."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", "/auth/tokens", "validate_token", self.validate),
            ("DELETE", "/auth/tokens", "revoke_token", self.revoke),
            ("GET", "/auth/catalog", "get_auth_catalog", self.catalog),
            ("GET", "/auth/projects", "get_auth_projects", self.projects),
            ("GET", "/auth/domains", "get_auth_domains", self.domains),
            ("GET", "/auth/system", "get_auth_system", self.system),
        )
        opened = (
            ("GET", "/", "versions", versions),
            ("GET", "/v3", "versions", version),
            ("POST", "/v3/auth/tokens", "authenticate", self.issue),
        )
        return (
            *(
                exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler, token=False)
                for method, path, rule, handler in opened
            ),
            *(
                exchange.Route(method=method, path=f"/v3{path}", policy=f"identity:{rule}", handler=handler)
                for method, path, rule, handler in table
            ),
        )

    def issue(self, call: exchange.Call) -> exchange.Answer:
        """A new token."""
        text, token = self._desk.login(scopes.attempt(call.body, call.client))
        return _answer(call, text, token, status=201)

    def validate(self, call: exchange.Call) -> exchange.Answer:
        """What a token means: one's own, or anybody's for those who may."""
        text = call.headers.get("x-subject-token", "")
        found = self._subject(text, expired=call.asked("allow_expired") is not None)
        if text != call.token and not policy.holds(policy.RULES["identity:validate_token"], call.who):
            raise policy.forbidden("identity:validate_token")
        if isinstance(found, faults.Refusal):
            raise found
        return _answer(call, text, found, status=200)

    def revoke(self, call: exchange.Call) -> exchange.Answer:
        """Void a token."""
        text = call.headers.get("x-subject-token", "")
        mine = self._desk.asking(call)
        found = self._subject(text, expired=False)
        own = isinstance(found, authorities.Token) and found.user.id == mine.user.id
        if not own and not policy.holds(policy.RULES["identity:revoke_token"], call.who):
            raise policy.forbidden("identity:revoke_token")
        if isinstance(found, faults.Refusal):
            raise found
        self._desk.authority.revoke(found)
        return exchange.NOTHING

    def _subject(self, text: str, *, expired: bool) -> authorities.Token | faults.Refusal:
        """The token somebody asks about, or why there is none: said only to those who may ask."""
        if not text:
            return faults.NotFound("No token in the request")
        if not self._desk.authority.recognises(text):
            return faults.NotFound("Could not recognize Fernet token")
        try:
            return self._desk.authority.examine(text, expired=expired)
        except authorities.Gone as gone:
            return faults.NotFound(gone.sentence)
        except faults.Unauthorized:
            return faults.NotFound("Failed to validate token")

    def catalog(self, call: exchange.Call) -> exchange.Answer:
        """The catalog, for tokens that carry one."""
        if self._desk.asking(call).claims.kind is tokens.Kind.UNSCOPED:
            raise faults.Forbidden("You are not authorized to perform the requested action.")
        links = {"self": f"{views.root(call)}/auth/catalog"}
        return exchange.Answer(body={"catalog": catalog.show(base(call)), "links": links})

    def projects(self, call: exchange.Call) -> exchange.Answer:
        """The projects the caller can log in to."""
        with self._desk.database.read() as held:
            found = tuple(each.id for each in projects.of_user(held, call.who.user_id))
            return lists.answer(call, held, project.Project, {"id": found})

    def domains(self, call: exchange.Call) -> exchange.Answer:
        """The domains the caller can log in to."""
        with self._desk.database.read() as held:
            given = rows.find(held, role.Assignment, user_id=call.who.user_id, scope=role.Scope.DOMAIN)
            return lists.answer(call, held, domain.Domain, {"id": tuple(each.scope_id for each in given)})

    def system(self, call: exchange.Call) -> exchange.Answer:
        """Whether the caller can log in to the system."""
        with self._desk.database.read() as held:
            has = grants.direct(held, call.who.user_id, grants.SYSTEM)
        links = {"self": f"{views.root(call)}/auth/system"}
        return exchange.Answer(body={"system": [{"all": True}] if has else [], "links": links})


def base(call: exchange.Call) -> str:
    """Scheme and host, as the client used them."""
    return call.mount.removesuffix("/identity")


def _version(call: exchange.Call) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{views.root(call)}/"}]
    return {"id": "v3.14", "status": "stable", "updated": UPDATED, "links": links, "media-types": MEDIA}


def versions(call: exchange.Call) -> exchange.Answer:
    """The versions there are: one."""
    body = {"versions": {"values": [_version(call)]}}
    return exchange.Answer(status=300, body=body, headers={"Location": f"{views.root(call)}/"})


def version(call: exchange.Call) -> exchange.Answer:
    """The one version."""
    return exchange.Answer(body={"version": _version(call)})


def _answer(call: exchange.Call, text: str, token: authorities.Token, *, status: int) -> exchange.Answer:
    shown = show(token)
    if "roles" in shown and call.asked("nocatalog") is None:
        shown["catalog"] = catalog.show(base(call))
    if token.credential is not None:
        shown["application_credential"] = {
            "id": token.credential.id,
            "name": token.credential.name,
            "restricted": not token.credential.unrestricted,
        }
    return exchange.Answer(status=status, body={"token": shown}, headers={"X-Subject-Token": text})


def show(token: authorities.Token) -> dict[str, Any]:
    """A token as Keystone shows it, up to its catalog."""
    shown: dict[str, Any] = {
        "methods": [str(method) for method in token.claims.methods],
        "user": {
            "domain": {"id": token.user_domain.id, "name": token.user_domain.name},
            "id": token.user.id,
            "name": token.user.name,
            "password_expires_at": None,
        },
        "audit_ids": list(token.claims.audit_ids),
        "expires_at": _moment(token.claims.expires_at),
        "issued_at": _moment(token.claims.issued_at),
    }
    roles = [{"id": each.id, "name": each.name} for each in token.roles]
    match token.claims.kind:
        case tokens.Kind.PROJECT:
            return {**shown, "project": _inside(token), "is_domain": False, "roles": roles}
        case tokens.Kind.DOMAIN:
            return {**shown, "domain": _brief(token.domain), "roles": roles}
        case tokens.Kind.SYSTEM:
            return {**shown, "roles": roles, "system": {"all": True}}
        case tokens.Kind.UNSCOPED:
            return shown


def _inside(token: authorities.Token) -> dict[str, Any]:
    return {"domain": _brief(token.domain), **_brief(token.project)}


def _brief(found: domain.Domain | project.Project | None) -> dict[str, Any]:
    return {} if found is None else {"id": found.id, "name": found.name}


def _moment(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="microseconds") + "Z"
