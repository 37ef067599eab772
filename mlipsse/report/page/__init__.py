"""The report: its sections, tables and files."""
