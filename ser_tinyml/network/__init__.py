"""The network: its layers, how it is fitted, quantized and stored."""
