"""The order of the steps, and nothing of what they do."""
