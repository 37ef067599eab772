"""Whether a labelled set can be trained on: each check one verdict, numbers and a sentence."""
