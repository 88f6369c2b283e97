"""A provider of vipool that carries TCP and UDP by nginx's stream module: one nginx for each load balancer."""
