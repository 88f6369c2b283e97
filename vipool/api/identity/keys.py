"""A user's application credentials, and the access rules that their tokens are held to."""

from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, lists, views
from vipool.cloud.identity.embedded import accessrules, credentials, finding
from vipool.model import accessrule, credential, user
from vipool.store import session

KEYS = "/v3/users/{user_id}/application_credentials"
RULES = "/v3/users/{user_id}/access_rules"


class Keys:
    """Handlers of application credentials."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", KEYS, "list_application_credentials", self.list),
            ("POST", KEYS, "create_application_credential", self.make),
            ("GET", KEYS + "/{application_credential_id}", "get_application_credential", self.show),
            ("DELETE", KEYS + "/{application_credential_id}", "delete_application_credential", self.delete),
            ("GET", RULES, "list_access_rules", self.rules),
            ("GET", RULES + "/{access_rule_id}", "get_access_rule", self.rule),
            ("DELETE", RULES + "/{access_rule_id}", "delete_access_rule", self.delete_rule),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
            for method, path, rule, handler in table
        )

    def list(self, call: exchange.Call) -> exchange.Answer:
        """A user's application credentials."""
        with self._desk.database.read() as held:
            found, after = lists.select(call, held, credential.ApplicationCredential, _whose(call, held))
            shown = [_linked(call, each) for each in credentials.show(held, *found)]
        return views.many(call, "application_credentials", shown, after=after)

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One of them."""
        with self._desk.database.read() as held:
            identifier = call.parts["application_credential_id"]
            found = finding.own(held, credential.ApplicationCredential, call.parts["user_id"], identifier)
            return _answer(call, credentials.show(held, found)[0])

    def make(self, call: exchange.Call) -> exchange.Answer:
        """Make one; its secret is shown here and never again."""
        body = desk.inside(call, credential.ApplicationCredential.NOUN)
        token = self._desk.asking(call)
        chosen = credentials.secret(body)
        secret = chosen or self._desk.authority.secret()
        hashed = self._desk.hashes.chosen(secret) if chosen else self._desk.hashes.made(secret)
        with self._desk.authority.writing() as held:
            made = credentials.create(held, body, token, hashed, self._desk.new_id)
            shown = {**credentials.show(held, made)[0], "secret": secret}
        return _answer(call, shown, status=201)

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """Remove one."""
        credentials.check_manages(self._desk.asking(call))
        with self._desk.authority.writing() as held:
            credentials.delete(held, call.parts["user_id"], call.parts["application_credential_id"])
        return exchange.NOTHING

    def rules(self, call: exchange.Call) -> exchange.Answer:
        """A user's access rules, whether a credential has them or not."""
        with self._desk.database.read() as held:
            return lists.answer(call, held, accessrule.AccessRule, _whose(call, held))

    def rule(self, call: exchange.Call) -> exchange.Answer:
        """One of them."""
        with self._desk.database.read() as held:
            cls, identifier = accessrule.AccessRule, call.parts["access_rule_id"]
            return views.one(call, finding.own(held, cls, call.parts["user_id"], identifier))

    def delete_rule(self, call: exchange.Call) -> exchange.Answer:
        """Remove one that no credential has."""
        credentials.check_manages(self._desk.asking(call))
        with self._desk.authority.writing() as held:
            accessrules.delete(held, call.parts["user_id"], call.parts["access_rule_id"])
        return exchange.NOTHING


def _whose(call: exchange.Call, held: session.Session) -> dict[str, tuple[object, ...]]:
    finding.one(held, user.User, call.parts["user_id"])
    return {"user_id": (call.parts["user_id"],)}


def _linked(call: exchange.Call, shown: dict[str, object]) -> dict[str, Any]:
    return views.linked(call, f"application_credentials/{shown['id']}", shown)


def _answer(call: exchange.Call, shown: dict[str, object], *, status: int = 200) -> exchange.Answer:
    return exchange.Answer(status=status, body={"application_credential": _linked(call, shown)})
