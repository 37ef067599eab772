"""One kind of fault per file."""
