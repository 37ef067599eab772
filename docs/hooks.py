"""What mkdocs does to a page before it reads the Markdown."""

import re
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Drop the markers behind a fence's language, which are for the tests."""
    return re.sub(r"^```(\w+) .*$", r"```\1", markdown, flags=re.MULTILINE)
