"""Trajectories of any program as blocks of unwrapped frames with their times."""
