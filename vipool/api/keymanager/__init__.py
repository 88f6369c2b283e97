"""The Key Manager API v1 (Barbican's), as far as unmodified clients need it, over ``vipool.cloud.secrets.embedded``.

``routes.face`` makes the face; every other module holds the handlers of one family of paths, or what they share.
"""
