"""Every noun that is kept, in one list: tables, migrations and reference pages derive from it."""

from vipool.model import (
    attr,
    credential,
    domain,
    healthmonitor,
    listener,
    loadbalancer,
    member,
    pool,
    project,
    revocation,
    role,
    statistics,
    user,
)

NOUNS: tuple[type[attr.Resource], ...] = (
    loadbalancer.LoadBalancer,
    listener.Listener,
    pool.Pool,
    member.Member,
    healthmonitor.HealthMonitor,
    statistics.Statistics,
    domain.Domain,
    project.Project,
    user.User,
    role.Role,
    role.Inference,
    role.Assignment,
    credential.ApplicationCredential,
    revocation.RevokedToken,
    revocation.IdentityVersion,
)
