"""Keras model -> TFLite files and the TFLM source."""
