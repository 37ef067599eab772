"""Pictures of a crystal's cell in three dimensions, for print and to be turned in a browser."""
