"""The crystals of a campaign: host and orderings, their store, the system, and their runs."""
