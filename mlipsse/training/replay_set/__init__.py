"""Replay sets: what a fine-tuned model must not forget."""
