"""The one exception that a user is meant to read."""


class MlipsseError(Exception):
    """A user's error, told in a sentence: what, which value, which limit, and what to do."""
