"""A tree as nginx's configuration, and as the packet rules that count: nginx itself counts nothing of streams.

Promises: pure; equal trees give equal text. No word of a tenant enters it, not even an id: only numbers, addresses that
were parsed, and words from here.
"""

import ipaddress
from collections.abc import Iterator

from vipool.core import enabled, numbering, ruleset
from vipool.model import listener, pool, tree

MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
TABLE, COUNTED = "vipool_nginx", ("flows", "inward", "outward")
_CHOICES = {
    pool.Algorithm.ROUND_ROBIN: "",
    pool.Algorithm.LEAST_CONNECTIONS: "least_conn;",
    pool.Algorithm.SOURCE_IP: "hash $remote_addr consistent;",
    pool.Algorithm.SOURCE_IP_PORT: "hash $remote_addr:$remote_port consistent;",
}


def configuration(wanted: tree.Tree) -> str:
    """The text of `nginx.conf`; empty when nothing is to be served."""
    lines = [line for each in enabled.listeners(wanted) for line in (*_upstream(wanted, each), *_server(wanted, each))]
    top = [f"load_module {MODULE};", "user www-data;", "worker_processes 1;", "worker_rlimit_nofile 32768;"]
    top += ["worker_shutdown_timeout 1h;", "pid nginx.pid;", "error_log error.log emerg;"]
    top += ["events { worker_connections 16384; }"]
    return "\n".join([*top, "stream {", *lines, "}"]) + "\n" if lines else ""


def _upstream(wanted: tree.Tree, front: listener.Listener) -> Iterator[str]:
    back = enabled.pool_of(wanted, front.default_pool_id)
    members = wanted.members_of(back.id) if back else ()
    yield f"upstream {_name(front)} {{ {_CHOICES[back.lb_algorithm] if back else ''}"
    for each in members:
        share = f"weight={int(each.weight)}" if each.weight and each.admin_state_up else "down"
        yield f"server {_place(each.address, each.protocol_port)} {share};"
    # An upstream of nobody is refused; one whose only server is down closes what comes.
    yield "}" if members else "server 127.0.0.1:1 down; }"


def _server(wanted: tree.Tree, front: listener.Listener) -> Iterator[str]:
    yield "server {"
    for vip in wanted.loadbalancer.vips:
        yield f"listen {_place(vip, front.protocol_port)}{' udp' if front.protocol.transport == 'UDP' else ''};"
    if front.allowed_cidrs is not None:
        yield from (f"allow {each};" for version in (4, 6) for each in ruleset.networks(front.allowed_cidrs, version))
        yield "deny all;"
    yield f"proxy_connect_timeout {int(front.timeout_member_connect)}ms;"
    yield f"proxy_timeout {int(front.timeout_member_data)}ms;"
    yield f"proxy_pass {_name(front)}; }}"


def _name(front: listener.Listener) -> str:
    return f"{front.protocol.transport.lower()}_{int(front.protocol_port)}"


def _place(address: str, port: int) -> str:
    # By its bytes: a text may name a zone after a percent sign, which is any word.
    parsed = ipaddress.ip_address(ipaddress.ip_address(address).packed)
    return f"[{parsed}]:{int(port)}" if parsed.version == 6 else f"{parsed}:{int(port)}"


def rules(wanted: tree.Tree) -> str:
    """The packet rules that count, by the number of the listener that a connection carries as its mark."""
    numbers = numbering.numbers(each.id for each in wanted.listeners)
    marks = [
        f"{_name(each).replace('_', ' dport ')} ct mark set {numbers[each.id]}" for each in enabled.listeners(wanted)
    ]
    kind = ("type mark", "size 65536", "flags dynamic,timeout", "timeout 1d", "counter")
    lines = [line for name in COUNTED for line in ruleset.declaration("set", name, kind)]
    # A chain of kind nat meets the first packet of each connection alone.
    hooks = ("nat hook input priority 100", "filter hook input priority 150", "filter hook output priority 150")
    for name, hook in zip(COUNTED, hooks, strict=True):
        first = marks if name == "flows" else ()
        lines += ruleset.base(f"count_{name}", hook, [*first, f"ct mark != 0 update @{name} {{ ct mark }}"])
    return ruleset.table(TABLE, lines) if marks else ""
