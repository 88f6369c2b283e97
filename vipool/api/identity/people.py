"""What belongs to one user: its projects, its password, its application credentials."""

from typing import Any

from vipool.api import exchange
from vipool.api.identity import desk, dialect, lists, views
from vipool.cloud.identity.embedded import authority, credentials, finding, login, projects, users
from vipool.model import credential, faults, project, user

USER = "/v3/users/{user_id}"
KEYS = f"{USER}/application_credentials"


class People:
    """Handlers below ``/v3/users/{user_id}``."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", f"{USER}/projects", "list_user_projects", self.projects),
            ("GET", f"{USER}/groups", "list_groups_for_user", self.groups),
            ("GET", "/v3/groups", "list_groups", self.groups),
            ("GET", f"{USER}/access_rules", "list_access_rules", self.access_rules),
            ("GET", KEYS, "list_application_credentials", self.keys),
            ("POST", KEYS, "create_application_credential", self.make_key),
            ("GET", KEYS + "/{application_credential_id}", "get_application_credential", self.key),
            ("DELETE", KEYS + "/{application_credential_id}", "delete_application_credential", self.delete_key),
        )
        password = exchange.Route(
            method="POST",
            path=f"{USER}/password",
            policy="identity:change_password",
            handler=self.password,
            token=False,
        )
        return (
            password,
            *(
                exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
                for method, path, rule, handler in table
            ),
        )

    def projects(self, call: exchange.Call) -> exchange.Answer:
        """The projects a user has a role in."""
        with self._desk.database.read() as held:
            finding.one(held, user.User, call.parts["user_id"])
            found = tuple(each.id for each in projects.of_user(held, call.parts["user_id"]))
            return lists.answer(call, held, project.Project, {"id": found})

    def groups(self, call: exchange.Call) -> exchange.Answer:
        """There are no groups: nobody is in one."""
        return views.many(call, "groups", [])

    def access_rules(self, call: exchange.Call) -> exchange.Answer:
        """There are no access rules: nobody has one."""
        return views.many(call, "access_rules", [])

    def password(self, call: exchange.Call) -> exchange.Answer:
        """Change one's own password: whoever knows the old one may, without a token."""
        body = desk.inside(call, user.User.NOUN)
        wanted, old = users.password(body), users.password(body, "original_password")
        if wanted is None or old is None:
            raise dialect.expecting("password" if wanted is None else "original_password", "user")
        with self._desk.database.read() as held:
            found = finding.maybe(held, user.User, call.parts["user_id"])
            home = found and authority.enabled_domain(held, found.domain_id)
        kept = found.password_hash if found else None
        self._desk.login.check(call.parts["user_id"], call.client, lambda: self._desk.hashes.matches(old, kept))
        if found is None or home is None or not found.enabled:
            raise login.refused()
        if found.options.get("lock_password"):
            raise faults.Forbidden("The password of this user is locked: an administrator can change it.")
        if wanted == old:
            raise faults.Invalid("The new password is the old one: choose another.")
        hashed = self._desk.hashes.chosen(wanted)
        with self._desk.authority.writing() as held:
            users.change_password(held, found, hashed)
        return exchange.NOTHING

    def keys(self, call: exchange.Call) -> exchange.Answer:
        """A user's application credentials."""
        with self._desk.database.read() as held:
            finding.one(held, user.User, call.parts["user_id"])
            only = {"user_id": (call.parts["user_id"],)}
            found, after = lists.select(call, held, credential.ApplicationCredential, only)
            shown = [_linked(call, each) for each in credentials.show(held, *found)]
        return views.many(call, "application_credentials", shown, after=after)

    def key(self, call: exchange.Call) -> exchange.Answer:
        """One of them."""
        with self._desk.database.read() as held:
            found = credentials.of_user(held, call.parts["user_id"], call.parts["application_credential_id"])
            return _answer(call, credentials.show(held, found)[0])

    def make_key(self, call: exchange.Call) -> exchange.Answer:
        """Make one; its secret is shown here and never again."""
        body = desk.inside(call, credential.ApplicationCredential.NOUN)
        token = self._desk.asking(call)
        chosen = credentials.secret(body)
        secret = chosen or self._desk.authority.secret()
        hashed = self._desk.hashes.chosen(secret) if chosen else self._desk.hashes.made(secret)
        with self._desk.authority.writing() as held:
            made = credentials.create(held, self._desk.new_id(), body, token, hashed)
            shown = {**credentials.show(held, made)[0], "secret": secret}
        return _answer(call, shown, status=201)

    def delete_key(self, call: exchange.Call) -> exchange.Answer:
        """Remove one."""
        credentials.check_manages(self._desk.asking(call))
        with self._desk.authority.writing() as held:
            credentials.delete(held, call.parts["user_id"], call.parts["application_credential_id"])
        return exchange.NOTHING


def _linked(call: exchange.Call, shown: dict[str, object]) -> dict[str, Any]:
    return views.linked(call, f"application_credentials/{shown['id']}", shown)


def _answer(call: exchange.Call, shown: dict[str, object], *, status: int = 200) -> exchange.Answer:
    return exchange.Answer(status=status, body={"application_credential": _linked(call, shown)})
