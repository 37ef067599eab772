"""Models compared by the transport that they give in the campaign's production runs."""
