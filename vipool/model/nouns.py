"""Every noun that is kept, in one list: tables, migrations and reference pages derive from it."""

from vipool.model import attr, healthmonitor, listener, loadbalancer, member, pool

NOUNS: tuple[type[attr.Resource], ...] = (
    loadbalancer.LoadBalancer,
    listener.Listener,
    pool.Pool,
    member.Member,
    healthmonitor.HealthMonitor,
)
