"""The Linux under us. The only room that speaks netlink, loads nftables and starts programs; knows no load balancing."""
