"""Who is asking, for which project, with which roles."""
