"""`vipool demo`: the classic picture, built through the public API and shown on real packets."""
