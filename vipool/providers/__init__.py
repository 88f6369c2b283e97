"""One package for each way of carrying traffic. Providers do not know each other."""
