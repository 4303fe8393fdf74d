"""Learns the colours of one animated series from its own episodes, then colours what has none."""

import logging
import os
import tempfile

__version__ = "0.1.0"

# TensorFlow leaves oneDNN off on CPUs without AVX-512, where it nearly doubles the speed.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors alone


def import_tensorflow(backend: str | None = None) -> None:
    """Imports TensorFlow and finds its devices; what goes wrong is still printed.

    Under the JAX backend it reads data alone, and leaves the GPUs.

    Args:
        backend: what Keras is to run on, whatever `KERAS_BACKEND` says: a SavedModel, for example,
            is TensorFlow's. Comes too late once Keras is imported.
    """
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            import tensorflow

            if os.environ.get("KERAS_BACKEND") == "jax":
                tensorflow.config.set_visible_devices([], "GPU")  # or it would take their memory
            tensorflow.config.list_physical_devices()
            tensorflow.constant(0)
        except BaseException:
            chatter.seek(0)
            os.write(standard_error, chatter.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
    logging.getLogger("tensorflow").addFilter(_is_no_false_alarm)


def _is_no_false_alarm(record: logging.LogRecord) -> bool:
    """TensorFlow takes the functions of several networks, measured in turn, for one built anew."""
    return "triggered tf.function retracing" not in record.getMessage()
