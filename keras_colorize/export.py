"""A generator and the pixel maths around it as a SavedModel that needs none of this code."""

from pathlib import Path

import keras
import tensorflow as tf

from keras_colorize import run_directory
from keras_colorize.errors import SettingsMismatch, UsageError
from keras_colorize.files import json_text, sha256_of, whole_folder, write_json
from keras_colorize.pixels import (
    BLUE,
    GREEN,
    LUMINANCE_UNIT,
    LUMINANCE_WEIGHTS,
    RED,
    from_signed,
    to_signed,
)

CARD = "assets.extra/keras_colorize.json"


class Colorizer(tf.Module):
    """The serving functions around a generator.

    Args:
        generator: a functional model from float32 [batch, h, w, 1] to [batch, h, w, 3] in [-1, 1].
        locked: whether `pixels` and `serving_default` keep the luminance that they are given; an
            edge model is given none.
    """

    def __init__(self, generator: keras.Model, locked: bool = True):
        super().__init__()
        self.generator, self.locked = generator, locked

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)])
    def network(self, pixels):
        """The generator's own picture, uint8 [batch, h, w, 3]."""
        signed = to_signed(tf.cast(pixels, tf.float32))
        color = from_signed(self.generator(signed, training=False))
        return {"pixels": tf.saturate_cast(tf.round(color), tf.uint8)}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None], tf.uint8)])
    def pixels(self, pixels):
        """As `network`, of pictures with 1 or 3 channels, with their own luminance (line lock)."""
        luminance = _one_channel(pixels)
        color = self.network(luminance)["pixels"]
        return {"pixels": _joined(luminance, color) if self.locked else color}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serving_default(self, image_bytes):
        """PNG or JPEG files of any sizes in, PNG files out."""
        def colorize(encoded):
            picture = tf.io.decode_image(encoded, expand_animations=False)
            return tf.io.encode_png(self.pixels(picture[tf.newaxis])["pixels"][0])

        return {"colored_bytes": tf.map_fn(colorize, image_bytes, fn_output_signature=tf.string)}


def _one_channel(picture):
    """The luminance of uint8 pictures [batch, h, w, channels], alpha left out: [batch, h, w, 1]."""
    def luminance():
        weighted = tf.cast(picture[..., :3], tf.int32) * LUMINANCE_WEIGHTS
        total = tf.reduce_sum(weighted, axis=-1, keepdims=True)
        return tf.cast((total + LUMINANCE_UNIT // 2) // LUMINANCE_UNIT, tf.uint8)

    return tf.cond(tf.shape(picture)[-1] >= 3, luminance, lambda: picture[..., :1])


def _joined(luminance, color):
    """The luminance [batch, h, w, 1] under the chroma of [batch, h, w, 3], as `line_lock.join`."""
    level = tf.cast(luminance, tf.float32)
    color = tf.cast(color, tf.float32)
    chroma = color - tf.reduce_sum(color * (RED, GREEN, BLUE), axis=-1, keepdims=True)
    above = tf.maximum(tf.reduce_max(chroma, axis=-1, keepdims=True), 1e-6)
    below = tf.maximum(-tf.reduce_min(chroma, axis=-1, keepdims=True), 1e-6)
    kept = tf.minimum(1.0, tf.minimum((255 - level) / above, level / below))
    red, _, blue = tf.split(tf.round(level + kept * chroma), 3, axis=-1)
    green = tf.round((level - RED * red - BLUE * blue) / GREEN)
    return tf.saturate_cast(tf.concat([red, green, blue], axis=-1), tf.uint8)


def export(run_dir: Path, out: Path) -> bool:
    """Writes a run's generator as a SavedModel.

    `assets.extra/keras_colorize.json` says which run and dataset it is from, which input it takes
    and which picture size it was trained on.

    Returns:
        False where the same generator was exported there before.

    Raises:
        RunError: this is no run, or it has finished no epoch.
        SettingsMismatch: `out` holds another SavedModel.
        UsageError: `out` holds something else.
    """
    generator = run_directory.load_generator(run_dir)
    described = run_directory.describe(run_dir)
    card = {"generator_sha256": sha256_of(run_dir / "generator.keras"),
            "run": run_dir.resolve().name, "input": run_directory.read_config(run_dir).model.input,
            "dataset": described.get("dataset", {}), "started": described["starts"][0]["time"]}
    if out.exists() and (out.is_file() or any(out.iterdir())):
        if not (out / CARD).is_file():
            raise UsageError(out, "exists and is no SavedModel of ours", "name another --out")
        if (out / CARD).read_text(encoding="utf-8") != json_text(card):
            raise SettingsMismatch(out, "is the SavedModel of another run, or of an earlier epoch",
                                   "name another --out, or remove it first")
        return False
    module = Colorizer(generator, locked=card["input"] == "gray")
    with whole_folder(out) as temporary:
        tf.saved_model.save(module, str(temporary), signatures={
            "serving_default": module.serving_default, "pixels": module.pixels,
            "network": module.network})
        (temporary / CARD).parent.mkdir()
        write_json(temporary / CARD, card)
    return True
