"""Where a model runs: Keras, TFLite, TFLM, the generated engine, a device."""
