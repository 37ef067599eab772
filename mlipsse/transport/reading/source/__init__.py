"""What every format is read into, and what all readers share."""
