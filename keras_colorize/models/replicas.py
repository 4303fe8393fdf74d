"""What the replicas of a step, one for each of a machine's GPUs, share on TensorFlow."""

import keras
import tensorflow as tf


def count() -> int:
    """How many there are within the strategy in scope; 1 on JAX, whose arrays span all devices."""
    on_tensorflow = keras.backend.backend() == "tensorflow"
    return tf.distribute.get_strategy().num_replicas_in_sync if on_tensorflow else 1


def mean(values: dict) -> dict:
    """The mean of each scalar over all replicas, which have equal parts of a batch."""
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce("mean", values)
