"""Tokens over HTTP: getting, looking at and voiding them, and what somebody may log in to."""

from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, lists, policy, scopes, tokenviews, views
from vipool.cloud.identity.embedded import catalog, grants, meaning, projects, tokens
from vipool.model import caller, domain, faults, project, role

UPDATED = "2020-04-07T00:00:00Z"  # of version 3.14 of the API, as every service that speaks it says
MEDIA = [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]


class Auth:
    """Handlers of ``/`` and ``/v3/auth``."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("DELETE", "/auth/tokens", "revoke_token", self.revoke),
            ("GET", "/auth/catalog", "get_auth_catalog", self.catalog),
            ("GET", "/auth/projects", "get_auth_projects", self.projects),
            ("GET", "/auth/domains", "get_auth_domains", self.domains),
            ("GET", "/auth/system", "get_auth_system", self.system),
        )
        opened = (
            ("GET", "/", "versions", versions),
            ("GET", "/v3", "versions", version),
        )
        issue = exchange.Route(
            method="POST",
            path="/v3/auth/tokens",
            policy="identity:authenticate",
            handler=self.issue,
            token=False,
            heavy=True,  # hashing a password takes a hundred times longer than anything else
        )
        # Whoever has a token may ask what it is, whatever else it is held to.
        validate = exchange.Route(
            method="GET",
            path="/v3/auth/tokens",
            policy="identity:validate_token",
            handler=self.validate,
            ruled=False,
        )
        return (
            issue,
            validate,
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
        return self._answer(call, text, token, status=201)

    def validate(self, call: exchange.Call) -> exchange.Answer:
        """What a token means: one's own, or anybody's for those who may."""
        found = self._subject(call, "identity:validate_token", expired=call.asked("allow_expired") is not None)
        return self._answer(call, call.headers["x-subject-token"], found, status=200)

    def revoke(self, call: exchange.Call) -> exchange.Answer:
        """Void a token."""
        self._desk.authority.revoke(self._subject(call, "identity:revoke_token", expired=False))
        return exchange.NOTHING

    def _subject(self, call: exchange.Call, rule: str, *, expired: bool) -> meaning.Token:
        """The token somebody asks about, if it is its own or the rule lets it.  Raises faults.NotFound or Forbidden.

        Whether a token is good is no secret to who has it, so that there is none comes before who may ask.
        """
        text = call.headers.get("x-subject-token", "")
        may = policy.holds(policy.RULES[rule], call.who)
        if not text:
            raise faults.NotFound("No token in the request") if may else policy.forbidden(rule)
        found = self._known(text, expired=expired)
        if not may and found.user.id != call.who.user_id:
            raise policy.forbidden(rule)
        return found

    def _known(self, text: str, *, expired: bool) -> meaning.Token:
        if not self._desk.authority.recognises(text):
            raise faults.NotFound("Could not recognize Fernet token")
        try:
            return self._desk.authority.examine(text, expired=expired)
        except meaning.Gone as gone:
            raise faults.NotFound(gone.sentence) from gone
        except faults.Unauthorized as error:
            raise faults.NotFound("Failed to validate token") from error

    def catalog(self, call: exchange.Call) -> exchange.Answer:
        """The catalog, for tokens that carry one."""
        if self._desk.asking(call).claims.kind is tokens.Kind.UNSCOPED:
            raise faults.Forbidden("You are not authorized to perform the requested action.")
        links = {"self": f"{views.root(call)}/auth/catalog"}
        return exchange.Answer(body={"catalog": self._catalog(call, call.who), "links": links})

    def _catalog(self, call: exchange.Call, who: caller.Caller) -> list[dict[str, object]]:
        return catalog.show(self._desk.authority.added(), base(call), who)

    def _answer(self, call: exchange.Call, text: str, token: meaning.Token, *, status: int) -> exchange.Answer:
        bare = token.claims.kind is tokens.Kind.UNSCOPED or call.asked("nocatalog") is not None
        shown = tokenviews.show(token, None if bare else self._catalog(call, token.caller))
        return exchange.Answer(status=status, body={"token": shown}, headers={"X-Subject-Token": text})

    def projects(self, call: exchange.Call) -> exchange.Answer:
        """The projects the caller can log in to."""
        with self._desk.database.read() as held:
            found = tuple(each.id for each in projects.of_user(held, call.who.user_id))
            return lists.answer(call, held, project.Project, {"id": found})

    def domains(self, call: exchange.Call) -> exchange.Answer:
        """The domains the caller can log in to."""
        with self._desk.database.read() as held:
            found = grants.places(held, call.who.user_id, role.Scope.DOMAIN)
            return lists.answer(call, held, domain.Domain, {"id": found})

    def system(self, call: exchange.Call) -> exchange.Answer:
        """Whether the caller can log in to the system."""
        with self._desk.database.read() as held:
            has = grants.places(held, call.who.user_id, role.Scope.SYSTEM)
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
