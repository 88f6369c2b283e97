"""Tags of projects, one by one and all at once."""

from vipool.api import exchange
from vipool.api.identity import desk, views
from vipool.cloud.identity.embedded import finding, projects
from vipool.model import faults, project

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

    def _tags(self, call: exchange.Call) -> tuple[str, ...]:
        with self._desk.database.read() as held:
            return finding.one(held, project.Project, call.parts["project_id"]).tags

    def _set(self, call: exchange.Call, tags: tuple[str, ...]) -> project.Project:
        with self._desk.authority.writing() as held:
            return projects.set_tags(held, call.parts["project_id"], tags)

    def list(self, call: exchange.Call) -> exchange.Answer:
        """All of them."""
        return exchange.Answer(body={"links": {"self": views.root(call)}, "tags": sorted(self._tags(call))})

    def replace(self, call: exchange.Call) -> exchange.Answer:
        """These instead of those."""
        asked = call.body.get("tags") if isinstance(call.body, dict) else None
        if not isinstance(asked, list) or not all(isinstance(tag, str) for tag in asked):
            raise faults.Invalid("'tags' is a required property")
        changed = self._set(call, tuple(asked))
        return exchange.Answer(body={"links": {"self": views.root(call)}, "tags": list(changed.tags)})

    def clear(self, call: exchange.Call) -> exchange.Answer:
        """None of them any more."""
        self._set(call, ())
        return exchange.NOTHING

    def check(self, call: exchange.Call) -> exchange.Answer:
        """Whether it is there."""
        self._check(call)
        return exchange.NOTHING

    def _check(self, call: exchange.Call) -> tuple[str, ...]:
        tags = self._tags(call)
        if call.parts["tag"] not in tags:
            raise faults.NotFound(f"Could not find project tag: {call.parts['tag']}.")
        return tags

    def add(self, call: exchange.Call) -> exchange.Answer:
        """One more."""
        self._set(call, (*self._tags(call), call.parts["tag"]))
        return exchange.Answer(status=201, empty=True, headers={"Location": call.url})

    def remove(self, call: exchange.Call) -> exchange.Answer:
        """One less."""
        tags = self._check(call)
        self._set(call, tuple(tag for tag in tags if tag != call.parts["tag"]))
        return exchange.NOTHING
