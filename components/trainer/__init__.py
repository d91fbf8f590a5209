"""Training records -> Keras model."""
