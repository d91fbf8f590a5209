"""How good a model is, and whether its exports compute what was trained."""
