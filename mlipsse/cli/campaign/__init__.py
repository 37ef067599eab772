"""Commands on a campaign folder."""
