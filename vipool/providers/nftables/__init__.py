"""The provider that carries UDP and SCTP in the kernel, by address translation in the load balancer's namespace."""
