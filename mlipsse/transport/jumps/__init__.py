"""Sites, their occupation in time, and jumps between them."""
