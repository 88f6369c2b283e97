"""The load-balancer service over HTTP: Octavia's API v2."""
