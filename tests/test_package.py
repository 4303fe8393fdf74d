"""Claims about what TensorFlow may say."""

import subprocess
import sys

import pytest

SCRIPT = """
from keras_colorize import import_tensorflow
import_tensorflow()
import tensorflow as tf
double = tf.function(lambda number: tf.constant(number))
for number in range(9):
    double(number)
tf.get_logger().warning("something else")
"""


@pytest.mark.slow
def test_measuring_network_after_network_raises_no_alarm_and_other_warnings_stay():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0
    assert "retracing" not in done.stderr and "something else" in done.stderr
