"""A crystal as a file states it, and checks of what it holds."""
