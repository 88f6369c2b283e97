"""Certificates and keys, by reference."""
