"""The Linux under us: the one room that speaks netlink, loads nftables and starts programs. Knows no load balancing."""
