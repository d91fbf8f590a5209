"""Finished model -> a TensorFlow SavedModel for a server."""
