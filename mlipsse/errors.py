"""The one exception that a user is meant to read."""


class MlipsseError(Exception):
    """A user's error in one sentence: what is wrong, which value, which limit, and what to do."""


def first_line(error: Exception) -> str:
    """The first line of a library's exception, or its type's name where it has no text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
