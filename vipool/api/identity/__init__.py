"""The Identity API v3 (Keystone's), as far as unmodified clients need it, over ``vipool.cloud.identity.embedded``.

``routes.face`` makes the face; every other module holds the handlers of one family of paths.
"""
