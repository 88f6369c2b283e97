"""The provider that carries TCP and HTTP traffic with HAProxy: one process per load balancer, in its namespace."""
