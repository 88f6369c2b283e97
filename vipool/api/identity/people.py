"""What belongs to one user: its projects, its password, credentials of other kinds."""

from vipool.api import exchange
from vipool.api.identity import desk, dialect, lists, views
from vipool.cloud.identity.embedded import finding, meaning, naming, projects, users
from vipool.model import faults, project, user

USER = "/v3/users/{user_id}"


class People:
    """Handlers below ``/v3/users/{user_id}``."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", f"{USER}/projects", "list_user_projects", self.projects),
            ("GET", f"{USER}/credentials/OS-EC2", "ec2_list_credentials", self.credentials),
            ("GET", "/v3/credentials", "list_credentials", self.credentials),
        )
        password = exchange.Route(
            method="POST",
            path=f"{USER}/password",
            policy="identity:change_password",
            handler=self.password,
            token=False,
            heavy=True,
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

    def credentials(self, call: exchange.Call) -> exchange.Answer:
        """Credentials that are neither passwords nor application credentials: there are none."""
        return views.many(call, "credentials", [])

    def password(self, call: exchange.Call) -> exchange.Answer:
        """Change one's own password: whoever knows the old one may, without a token."""
        body = desk.inside(call, user.User.NOUN)
        wanted, old = users.password(body), users.password(body, "original_password")
        if wanted is None or old is None:
            raise dialect.expecting("password" if wanted is None else "original_password", "user")
        with self._desk.database.read() as held:
            found = finding.maybe(held, user.User, call.parts["user_id"])
            home = found and meaning.enabled_domain(held, found.domain_id)
        kept = found.password_hash if found else None
        self._desk.login.check(call.parts["user_id"], call.client, lambda: self._desk.hashes.matches(old, kept))
        if found is None or home is None or not found.enabled:
            raise naming.refused()
        if found.options.get("lock_password"):
            raise faults.Forbidden("The password of this user is locked: an administrator can change it.")
        if wanted == old:
            raise faults.Invalid("The new password is the old one: choose another.")
        hashed = self._desk.hashes.chosen(wanted)
        with self._desk.authority.writing() as held:
            users.change_password(held, found, hashed)
        return exchange.NOTHING
