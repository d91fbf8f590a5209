import tensorflow as tf
from tensorflow.python.autograph.impl import conversion

from ser_tinyml.network.architecture import Architecture


def test_keras_is_not_rewritten():
    network = Architecture((3, 2), (4,), 4, 0.0, 2).build()
    assert conversion.is_allowlisted(network.train_step)


def test_our_own_functions_still_are():
    @tf.function
    def count_down(number):
        while number > 0:
            number -= 1
        return number

    assert count_down(tf.constant(3)) == 0
