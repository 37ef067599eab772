"""Whether rates are even, hops have one length, ions drift, and the framework holds still."""
