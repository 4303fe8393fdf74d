"""Learns the colours of one animated series from its own episodes, then colours what has none."""

import importlib.util
import logging
import os
import sys
import tempfile

__version__ = "0.1.0"

# TensorFlow leaves oneDNN off on CPUs without AVX-512, where it nearly doubles the speed.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors alone
# NumPy's threads would go on spinning for a while after each small product of matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def import_tensorflow(backend: str | None = None) -> None:
    """Imports TensorFlow and finds its devices; what goes wrong is still printed.

    Under the JAX backend it reads data alone, and leaves the GPUs. Keras's galleries, which import
    Matplotlib, cannot be used after it, nor can TensorFlow Lite convert what is JAX's.

    Keras's own settings, in `~/.keras/keras.json` and in variables, do not count: a run is what its
    configuration says.

    Args:
        backend: what Keras is to run on, whatever `KERAS_BACKEND` says: a SavedModel, for example,
            is TensorFlow's. Comes too late once Keras is imported.

    Raises:
        UsageError: `KERAS_BACKEND` is neither tensorflow nor jax, or JAX is not installed.
    """
    _settle_keras(backend or os.environ.get("KERAS_BACKEND") or "tensorflow")
    # TensorFlow and Keras import these if they are installed: a seventh of the time, for nothing.
    unused = {"matplotlib", "jax"} - {os.environ["KERAS_BACKEND"], *sys.modules}
    sys.modules.update(dict.fromkeys(unused))
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            import tensorflow

            if os.environ["KERAS_BACKEND"] == "jax":
                tensorflow.config.set_visible_devices([], "GPU")  # or it would take their memory
            tensorflow.config.list_physical_devices()
            tensorflow.constant(0)
        except BaseException:
            chatter.seek(0)
            os.write(standard_error, chatter.read())
            raise
        finally:
            for name in unused:
                del sys.modules[name]
            os.dup2(standard_error, 2)
            os.close(standard_error)
    logging.getLogger("tensorflow").addFilter(_is_no_false_alarm)


def _settle_keras(backend: str) -> None:
    """Sets the variables that Keras reads when it is imported; raises as `import_tensorflow`."""
    from keras_colorize.errors import UsageError

    if backend not in ("tensorflow", "jax"):
        raise UsageError("KERAS_BACKEND", f"is {backend!r}", "set it to tensorflow or jax")
    if backend == "jax" and importlib.util.find_spec("jax") is None:
        raise UsageError("KERAS_BACKEND", "is 'jax', which is not installed",
                         "run pip install 'keras_colorize[jax]', or set it to tensorflow")
    os.environ["KERAS_BACKEND"] = backend
    os.environ["KERAS_HOME"] = os.devnull  # which holds no keras.json, and takes none
    for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"):
        os.environ.pop(name, None)


def _is_no_false_alarm(record: logging.LogRecord) -> bool:
    """TensorFlow takes the functions of several networks, measured in turn, for one built anew."""
    return "triggered tf.function retracing" not in record.getMessage()
