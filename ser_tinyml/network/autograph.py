"""AutoGraph leaves Keras's own source alone.

TensorFlow 2.16 exempts the package `keras` from AutoGraph, but not `tf_keras`: it would rewrite hundreds of the library's
functions when a process first trains a model, 13 s on two cores, for code that needs none of it.
"""

from tensorflow.python.autograph.core import config  # private, and pinned by requirements.lock


def exempt_keras() -> None:
    """Exempts Keras from AutoGraph, from now on, in this process."""
    if not any(rule.matches("tf_keras") for rule in config.CONVERSION_RULES):
        config.CONVERSION_RULES = (config.DoNotConvert("tf_keras"), *config.CONVERSION_RULES)
