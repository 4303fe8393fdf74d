"""Claims about what TensorFlow may say, and what it may import."""

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


@pytest.mark.parametrize("backend, imported", [
    ("tensorflow", []), pytest.param("jax", ["jax"], marks=pytest.mark.slow)])
def test_what_no_command_uses_is_not_imported_and_can_be_later(backend, imported):
    if backend == "jax":
        pytest.importorskip("jax")
    code = ("import sys; from keras_colorize import import_tensorflow\n"
            f"import_tensorflow({backend!r})\n"
            "print(*sorted({'jax', 'matplotlib'} & set(sys.modules)))\n"
            "import matplotlib.pyplot")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == imported
