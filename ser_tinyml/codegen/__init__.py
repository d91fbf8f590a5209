"""Keras to TFLite, and TFLite to the C sources that a firmware is built from."""
