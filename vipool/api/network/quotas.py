"""Quotas over HTTP: how many objects of the network service a project may have, and has."""

from collections.abc import Iterator
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.network import bodies, policy
from vipool.cloud.network.embedded import quotas
from vipool.model import faults, networkquota, types
from vipool.store import rows, session

LIMIT = types.Integer(networkquota.UNLIMITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The handlers of quotas."""

    database: session.Database

    def routes(self) -> Iterator[exchange.Route]:
        """The rows of the table."""
        project = "/quotas/{project}"
        for method, path, handler in (
            ("GET", "/quotas", self.index),
            ("GET", "/quotas/tenant", self.own),
            ("GET", "/quotas/project", self.own),
            ("GET", project, self.show),
            ("GET", f"{project}/default", self.default),
            ("GET", f"{project}/details", self.details),
            ("GET", f"{project}/details.json", self.details),
            ("PUT", project, self.update),
            ("DELETE", project, self.reset),
        ):
            rule = "read" if method == "GET" else "write"
            yield exchange.Route(method=method, path=f"/v2.0{path}", policy=rule, handler=handler)

    def _readable(self, call: exchange.Call) -> str:
        project = call.parts["project"].removesuffix(".json")
        if not call.who.is_admin and not call.who.owns(project):
            raise policy.disallowed("get_quota")
        return project

    def _writable(self, call: exchange.Call, rule: str) -> str:
        if not call.who.is_admin:
            raise policy.disallowed(rule)
        return call.parts["project"].removesuffix(".json")

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas: the projects whose limits were set."""
        if not call.who.is_admin:
            raise policy.disallowed("get_quota")
        with self.database.read() as held:
            found = rows.find(held, networkquota.NetworkQuota)
        shown = [{**each.complete, "project_id": each.id, "tenant_id": each.id} for each in found]
        return exchange.Answer(body={"quotas": shown})

    def own(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/tenant: the caller's project."""
        key = call.path.rpartition("/")[2]
        return exchange.Answer(body={key: {f"{key}_id": call.who.project_id}})

    def show(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}."""
        project = self._readable(call)
        with self.database.read() as held:
            return exchange.Answer(body={"quota": quotas.limits(held, project)})

    def default(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}/default."""
        self._readable(call)
        return exchange.Answer(body={"quota": dict(networkquota.DEFAULTS)})

    def details(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}/details.json: limits and use."""
        project = self._readable(call)
        with self.database.read() as held:
            found = {
                resource: {"limit": limit, "used": quotas.used(held, project, resource), "reserved": 0}
                for resource, limit in quotas.limits(held, project).items()
            }
        return exchange.Answer(body={"quota": found})

    def update(self, call: exchange.Call) -> exchange.Answer:
        """PUT quotas/{project}."""
        project = self._writable(call, "update_quota")
        body = call.body.get("quota") if isinstance(call.body, dict) else None
        if not isinstance(body, dict):
            raise bodies.bad("Unable to find 'quota' in request body")
        ignored = {"force", "check_limit", "tenant_id", "project_id"}
        unknown = [str(key) for key in body if key not in networkquota.DEFAULTS and key not in ignored]
        if unknown:
            raise bodies.bad(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
        wanted = {key: _limit(key, value) for key, value in body.items() if key in networkquota.DEFAULTS}
        with self.database.write() as held:
            force = types.Boolean().parse(body["force"]) if "force" in body else False
            return exchange.Answer(body={"quota": quotas.change(held, project, wanted, force=force)})

    def reset(self, call: exchange.Call) -> exchange.Answer:
        """DELETE quotas/{project}: back to the defaults."""
        project = self._writable(call, "delete_quota")
        with self.database.write() as held:
            quotas.reset(held, project)
        return exchange.NOTHING


def _limit(name: str, value: object) -> int:
    try:
        return LIMIT.parse(value)
    except ValueError as error:
        if isinstance(value, int):
            raise bodies.bad(f"Invalid input for {name}. Reason: '{value}' is too small or too large.") from error
        raise faults.Invalid(
            f"Invalid input for operation: '{value}' is not an integer.", kind="InvalidInput"
        ) from error
