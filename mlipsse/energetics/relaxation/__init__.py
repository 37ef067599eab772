"""Single points and relaxations of one structure or of many."""
