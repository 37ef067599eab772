"""Studies beside the ten stages: learning curves, orderings at a temperature."""
