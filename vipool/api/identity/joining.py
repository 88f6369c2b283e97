"""Who is in which group."""

from vipool.api import exchange
from vipool.api.identity import desk, lists
from vipool.cloud.identity.embedded import groups
from vipool.model import group, user

MEMBERS = "/v3/groups/{group_id}/users"
SINGLE = MEMBERS + "/{user_id}"


class Joining:
    """Handlers of memberships."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", "/v3/users/{user_id}/groups", "list_groups_for_user", self.groups),
            ("GET", MEMBERS, "list_users_in_group", self.users),
            ("GET", SINGLE, "check_user_in_group", self.check),
            ("PUT", SINGLE, "add_user_to_group", self.add),
            ("DELETE", SINGLE, "remove_user_from_group", self.remove),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
            for method, path, rule, handler in table
        )

    def groups(self, call: exchange.Call) -> exchange.Answer:
        """The groups a user is in."""
        with self._desk.database.read() as held:
            return lists.answer(call, held, group.Group, {"id": groups.of_user(held, call.parts["user_id"])})

    def users(self, call: exchange.Call) -> exchange.Answer:
        """The users in a group."""
        with self._desk.database.read() as held:
            return lists.answer(call, held, user.User, {"id": groups.members(held, call.parts["group_id"])})

    def check(self, call: exchange.Call) -> exchange.Answer:
        """Whether a user is in a group."""
        with self._desk.database.read() as held:
            groups.check(held, call.parts["group_id"], call.parts["user_id"])
        return exchange.NOTHING

    def add(self, call: exchange.Call) -> exchange.Answer:
        """Put a user into a group; its tokens have the group's roles at once."""
        with self._desk.authority.writing() as held:
            groups.add(held, call.parts["group_id"], call.parts["user_id"])
        return exchange.NOTHING

    def remove(self, call: exchange.Call) -> exchange.Answer:
        """Take a user out of a group; its tokens lose the group's roles at once."""
        with self._desk.authority.writing() as held:
            groups.take(held, call.parts["group_id"], call.parts["user_id"])
        return exchange.NOTHING
