"""Tags of projects, one by one and all at once."""

from vipool.api import exchange
from vipool.api.identity import desk, views
from vipool.cloud.identity.embedded import finding, projects
from vipool.model import faults, project
from vipool.store import session

PATH = "/v3/projects/{project_id}/tags"


class Tagging:
    """Handlers of a project's tags."""

    def __init__(self, tools: desk.Desk) -> None:
        self._desk = tools

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", PATH, "list_project_tags", self.list),
            ("PUT", PATH, "update_project_tags", self.replace),
            ("DELETE", PATH, "delete_project_tags", self.clear),
            ("GET", PATH + "/{tag}", "get_project_tag", self.check),
            ("PUT", PATH + "/{tag}", "create_project_tag", self.add),
            ("DELETE", PATH + "/{tag}", "delete_project_tag", self.remove),
        )
        return tuple(
            exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
            for method, path, rule, handler in table
        )

    def _tags(self, held: session.Session, call: exchange.Call) -> tuple[str, ...]:
        return finding.one(held, project.Project, call.parts["project_id"]).tags

    def _having(self, held: session.Session, call: exchange.Call) -> tuple[str, ...]:
        """All of them, the one that the path names among them.  Raises faults.NotFound."""
        tags = self._tags(held, call)
        if call.parts["tag"] not in tags:
            raise faults.NotFound(f"Could not find project tag: {call.parts['tag']}.")
        return tags

    def list(self, call: exchange.Call) -> exchange.Answer:
        """All of them."""
        with self._desk.database.read() as held:
            tags = self._tags(held, call)
        return exchange.Answer(body={"links": {"self": views.root(call)}, "tags": sorted(tags)})

    def replace(self, call: exchange.Call) -> exchange.Answer:
        """These instead of those."""
        asked = call.body.get("tags") if isinstance(call.body, dict) else None
        if not isinstance(asked, list) or not all(isinstance(tag, str) for tag in asked):
            raise faults.Invalid("'tags' is a required property")
        with self._desk.authority.writing() as held:
            changed = projects.set_tags(held, call.parts["project_id"], tuple(asked))
        return exchange.Answer(body={"links": {"self": views.root(call)}, "tags": list(changed.tags)})

    def clear(self, call: exchange.Call) -> exchange.Answer:
        """None of them any more."""
        with self._desk.authority.writing() as held:
            projects.set_tags(held, call.parts["project_id"], ())
        return exchange.NOTHING

    def check(self, call: exchange.Call) -> exchange.Answer:
        """Whether it is there."""
        with self._desk.database.read() as held:
            self._having(held, call)
        return exchange.NOTHING

    def add(self, call: exchange.Call) -> exchange.Answer:
        """One more."""
        with self._desk.authority.writing() as held:
            projects.set_tags(held, call.parts["project_id"], (*self._tags(held, call), call.parts["tag"]))
        return exchange.Answer(status=201, empty=True, headers={"Location": call.url})

    def remove(self, call: exchange.Call) -> exchange.Answer:
        """One less."""
        with self._desk.authority.writing() as held:
            left = tuple(tag for tag in self._having(held, call) if tag != call.parts["tag"])
            projects.set_tags(held, call.parts["project_id"], left)
        return exchange.NOTHING
