"""The embedded demo: a painted world with known ground truth and a small zoo trained on it."""
