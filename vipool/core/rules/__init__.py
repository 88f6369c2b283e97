"""The rules that a row must keep, by itself and against the rest of its tree: one module for each kind of row.

They are asked for every row that is made or changed, whatever the way it came.  The sentences are those that clients of
Octavia know.
"""
