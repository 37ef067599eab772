"""How many orderings there are, and each as choices of sites."""
