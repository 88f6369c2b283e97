"""HTTP: the faces that unmodified clients speak to."""
