"""The one exception that a user is meant to read."""


class MlipsseError(Exception):
    """A user's error in one sentence: what is wrong, which value, which limit, and what to do."""
