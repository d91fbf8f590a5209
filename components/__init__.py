"""The steps: one folder each, each runs alone (`python -m components.<step> --help`)."""

import ser_tinyml  # noqa: F401  settles what must be settled before TensorFlow and Beam load
