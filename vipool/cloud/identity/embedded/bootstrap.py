"""The first rows: a domain, an administrator, the roles everything else speaks of.

Safe to repeat: what is there is left as it is.  In particular a password given on a later start changes nothing, for
the administrator may have changed it since.
"""

from vipool.cloud.identity.embedded import finding, grants, hashes, roles
from vipool.model import domain, named, project, role, user
from vipool.store import rows, session

ADMIN = "admin"
IMPLIED = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
# Roles of Keystone's own policies: kept from being changed.
BASIC = ("admin", "manager", "member", "reader", "service")
# Roles of Octavia's advanced policies.
BALANCING = (
    "load-balancer_member",
    "load-balancer_observer",
    "load-balancer_admin",
    "load-balancer_global_observer",
    "load-balancer_quota_admin",
)


def bootstrap(held: session.Session, admin_password: str, checks: hashes.Hashes) -> bool:
    """Make what is missing; returns whether the administrator was made, with this password."""
    if rows.get(held, domain.Domain, named.DEFAULT_DOMAIN) is None:
        rows.add(held, domain.Domain(id=named.DEFAULT_DOMAIN, name="Default", description="The default domain"))
    for name in (*BASIC, *BALANCING):
        _role(held, name)
    for prior, implied in IMPLIED:
        roles.imply(held, _role(held, prior).id, _role(held, implied).id)
    found = finding.named(held, user.User, ADMIN, domain_id=named.DEFAULT_DOMAIN)
    if found is not None:
        return False
    home = _project(held)
    made = user.User(id=_identifier("user"), name=ADMIN, password_hash=checks.chosen(admin_password))
    rows.add(held, made)
    for place in (grants.Place.project(home.id), grants.SYSTEM):
        grants.give(held, grants.Holder.user(made.id), place, _role(held, ADMIN).id)
    return True


def _role(held: session.Session, name: str) -> role.Role:
    found = finding.named(held, role.Role, name, domain_id=None)
    if found is None:
        options = {"immutable": True} if name in BASIC else {}
        found = role.Role(id=_identifier(f"role:{name}"), name=name, options={**options})
        rows.add(held, found)
    return found


def _project(held: session.Session) -> project.Project:
    found = finding.named(held, project.Project, ADMIN, domain_id=named.DEFAULT_DOMAIN)
    if found is None:
        description = "The project of the administrator."
        found = project.Project(id=_identifier("project"), name=ADMIN, description=description)
        rows.add(held, found)
    return found


def _identifier(words: str) -> str:
    """The same on every installation, so that two servers starting at once make the same rows."""
    return finding.derived(f"bootstrap:{words}")
