"""The Network API v2.0 (Neutron's), as far as unmodified clients need it, over ``vipool.cloud.network.embedded``.

``routes.face`` makes the face; every other module holds the handlers of one family of paths, or what they share.
"""
