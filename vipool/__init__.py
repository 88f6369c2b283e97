"""vipool: load balancing for the tenants of a cloud. The map of the rooms is in CONTRIBUTING.md."""
