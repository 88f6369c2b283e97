"""Projects: making, changing and removing them, and the tree they form."""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, finding, grants, lineage, trusts
from vipool.model import credential, domain, faults, project, role
from vipool.store import rows, session

# Levels below a domain, as Keystone has them by default (max_project_tree_depth).
DEEPEST = 5


def create(held: session.Session, identifier: str, body: Mapping[str, Any], home: str) -> project.Project:
    """Make a project, in the domain ``home`` unless the body names another, or a parent in another."""
    values = bodies.new(project.Project, body)
    if values.get("is_domain"):
        raise faults.Invalid("A project that is a domain is made as a domain: use /v3/domains.")
    parent_id = values.get("parent_id")
    parent = None if parent_id is None else finding.maybe(held, project.Project, str(parent_id))
    domain_id = str(values.get("domain_id") or (parent.domain_id if parent else home))
    if finding.maybe(held, domain.Domain, domain_id) is None:
        raise faults.Invalid(f"Could not find domain: {domain_id}.")
    if parent_id not in {None, domain_id}:
        _check_parent(held, parent, str(parent_id), domain_id)
    made = project.Project.build(
        {**values, "id": identifier, "domain_id": domain_id, "parent_id": parent_id or domain_id}
    )
    _check_name(held, made)
    rows.add(held, made)
    return made


def _check_parent(held: session.Session, parent: project.Project | None, parent_id: str, domain_id: str) -> None:
    if parent is None:
        raise faults.Invalid(f"Could not find project: {parent_id}.")
    if parent.domain_id != domain_id:
        raise faults.Invalid(
            f"Cannot create project, since it specifies its domain_id {domain_id}, but its parent's is not."
        )
    if len(lineage.above(held, parent)) + 2 > DEEPEST:  # the parent, and what is to be below it
        raise faults.Forbidden(f"Max hierarchy depth reached for the branch of {parent_id}: {DEEPEST} levels.")


def update(held: session.Session, identifier: str, body: Mapping[str, Any]) -> project.Project:
    """Change a project; the tokens of a disabled one stop working at once."""
    found = finding.one(held, project.Project, identifier)
    finding.check_mutable(found, body.get("options"), "update")
    changed = found.having(bodies.changes(found, body))
    if found.enabled and not changed.enabled and any(each.enabled for each in _below(held, identifier)):
        raise faults.Forbidden(f"Cannot disable project {identifier} since its subtree contains enabled projects.")
    above = rows.get(held, project.Project, found.parent_id)
    if changed.enabled and not found.enabled and above is not None and not above.enabled:
        raise faults.Forbidden(f"Cannot enable project {identifier} since its parent {above.id} is disabled.")
    _check_name(held, changed)
    rows.put(held, changed)
    return changed


def _below(held: session.Session, identifier: str) -> tuple[project.Project, ...]:
    """Every project under this one; disabling starts at the leaves, so the direct children speak for all."""
    return rows.find(held, project.Project, parent_id=identifier)


def delete(held: session.Session, identifier: str) -> None:
    """Remove a project that has none below it; what other services keep for it stays."""
    found = finding.one(held, project.Project, identifier)
    finding.check_mutable(found, None, "delete")
    if rows.count(held, project.Project, parent_id=identifier):
        raise faults.Forbidden(
            f"Cannot delete the project {identifier} since it is not a leaf in the hierarchy. "
            "Delete the projects below it first."
        )
    remove(held, identifier)


def remove(held: session.Session, identifier: str) -> None:
    """Remove a project, the roles in it, its application credentials and the trusts for it."""
    grants.forget(held, scope=role.Scope.PROJECT, scope_id=identifier)
    rows.remove_where(held, credential.ApplicationCredential, project_id=identifier)
    trusts.forget(held, project_id=identifier)
    rows.remove(held, project.Project, identifier)


def set_tags(held: session.Session, identifier: str, tags: tuple[str, ...]) -> project.Project:
    """Give a project these tags instead of those it has."""
    return update(held, identifier, {"tags": sorted(set(tags))})


def of_user(held: session.Session, user_id: str) -> tuple[project.Project, ...]:
    """The enabled projects somebody has a role in, itself or through a group."""
    found = rows.find_by_ids(held, project.Project, grants.places(held, user_id, role.Scope.PROJECT))
    return tuple(each for each in found.values() if each.enabled)


def _check_name(held: session.Session, wanted: project.Project) -> None:
    if (other := finding.other(held, wanted, domain_id=wanted.domain_id)) is not None:
        raise faults.Conflict(
            "Conflict occurred attempting to store project - it is not permitted to have two projects with either "
            f"the same name or same id in the same domain: name is {wanted.name}, project id {other.id}."
        )
