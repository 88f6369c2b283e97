"""Who is asking: the answer of the identity service to a token, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One kind of request: to a service of this type, with this method, to paths that fit this pattern."""

    service: str
    method: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user acting in a project with some roles (implied roles included).

    ``project_id`` is None for tokens without a project scope; ``system`` marks system-scoped ones.  ``access`` is all
    that the token may be used for, None for whatever the roles allow.
    """

    user_id: str
    user_name: str = ""
    project_id: str | None = None
    project_name: str = ""
    domain_id: str | None = None
    roles: frozenset[str] = frozenset()
    system: bool = False
    access: tuple[Access, ...] | None = None

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed."""
        return "admin" in self.roles

    def owns(self, project_id: str | None) -> bool:
        """Whether an object of that project is the caller's own."""
        return project_id is not None and project_id == self.project_id


# vipool itself, for what no user asked for.
NOBODY = Caller(user_id="", user_name="vipool", roles=frozenset({"admin", "member", "reader"}))
