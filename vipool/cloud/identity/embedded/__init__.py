"""vipool's own identity service: users, projects, roles and tokens, kept in vipool's store.

``authority`` logs in and examines tokens, ``bootstrap`` makes the first rows, the other modules hold one noun's rules
each.  Knows nothing of HTTP; the Identity API is spoken by ``vipool.api.identity``.
"""
