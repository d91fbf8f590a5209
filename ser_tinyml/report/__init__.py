"""What people read of a run: the page, the model card, and their pictures."""
