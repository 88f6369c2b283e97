"""The provider that carries TCP, UDP and SCTP by address translation in the kernel of a load balancer's namespace."""
