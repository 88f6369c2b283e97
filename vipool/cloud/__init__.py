"""The neighbours of the load-balancer API: identity, network, secrets. Each is a small Protocol."""
