"""What `predict` does as one TensorFlow graph, from a recording's bytes to probabilities: a server needs no code of ours."""
