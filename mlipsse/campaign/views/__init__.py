"""Tables of how a campaign and a machine stand."""
