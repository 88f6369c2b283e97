"""The Linux under us: the only room that speaks netlink, loads nftables and starts programs. Knows no load balancing."""
