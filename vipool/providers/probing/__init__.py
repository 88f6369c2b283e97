"""Members are checked from inside their load balancers' namespaces, without a program: what providers share."""
