"""The Linux under us. The only importer of pyroute2 and subprocess; knows nothing of load balancing."""
