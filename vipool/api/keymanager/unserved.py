"""What clients ask a key manager for and find empty here: orders, and quotas that limit nothing."""

from vipool.api import exchange
from vipool.model import faults

UNLIMITED = dict.fromkeys(("secrets", "orders", "containers", "consumers", "cas"), -1)


def routes() -> tuple[exchange.Route, ...]:
    """The route table."""
    table = (
        ("GET", "/v1/orders", "orders:get", _no_orders),
        ("POST", "/v1/orders", "orders:post", _take_no_order),
        ("GET", "/v1/orders/{id}", "order:get", _no_such_order),
        ("DELETE", "/v1/orders/{id}", "order:delete", _no_such_order),
        ("GET", "/v1/quotas", "quotas:get", _quotas),
    )
    return tuple(
        exchange.Route(method=method, path=path, policy=rule, handler=handler) for method, path, rule, handler in table
    )


def _no_orders(call: exchange.Call) -> exchange.Answer:
    return exchange.Answer(body={"orders": [], "total": 0})


def _take_no_order(call: exchange.Call) -> exchange.Answer:
    raise faults.NotServed("Orders are not taken: make the key or the certificate yourself, and store it as a secret.")


def _no_such_order(call: exchange.Call) -> exchange.Answer:
    raise faults.NotFound(f"There is no order {faults.said(call.parts['id'])}.")


def _quotas(call: exchange.Call) -> exchange.Answer:
    return exchange.Answer(body={"quotas": UNLIMITED})
