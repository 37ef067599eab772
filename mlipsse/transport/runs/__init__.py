"""Run folders, trees of them, and their summary by composition."""
