"""A trained generator, ready to colour pictures of any size."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_colorize import export
from keras_colorize.errors import RunError
from keras_colorize.export.graph import OVERLAP, TILE, WHOLE
from keras_colorize.files import sha256_of
from keras_colorize.image import pixels
from keras_colorize.training import run_directory


@dataclass(frozen=True)
class Model:
    """A generator from a SavedModel or a run directory."""

    name: str
    digest: str
    input: str
    zoom: str
    """How the edges that it learned were brought to their size, as in `pixels.edges`."""
    size: tuple[int, int] | None
    """Height and width of the pictures that it learned; None where it does not say."""
    network: Callable[..., dict[str, tf.Tensor]]
    owner: object
    """What `network` belongs to: TensorFlow frees a model whose functions alone are kept."""

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Loads a SavedModel that `export` wrote, or the generator of a run directory.

        Raises:
            RunError: it is neither, or it is damaged.
        """
        if (path / "saved_model.pb").is_file():
            try:
                card = json.loads((path / export.CARD).read_text(encoding="utf-8"))
                loaded = tf.saved_model.load(str(path))
                return cls(str(path), card["generator_sha256"], card["input"],
                           card["dataset"].get("zoom") or "spline", _size(card["dataset"]),
                           loaded.signatures["network"], loaded)
            except (OSError, ValueError, KeyError, TypeError, AttributeError,
                    tf.errors.OpError) as error:
                raise RunError(path, "cannot be loaded as a SavedModel of ours",
                               "export it again") from error
        if not (run_directory.of(path) / run_directory.CONFIG).is_file():
            raise RunError(path, "is neither a SavedModel nor a run directory",
                           "export a run, or name one")
        config = run_directory.read_config(path)
        module = export.Colorizer(run_directory.load_generator(path))
        dataset = run_directory.describe(path).get("dataset", {})
        return cls(str(path), sha256_of(path / "generator.keras"), config.model.input,
                   dataset.get("zoom") or "spline", _size(dataset), module.network, module)

    def scale_for(self, height: int, width: int) -> float:
        """The factor that makes a picture look as large to the model as those that it learned.

        As the builder of datasets sees it: a tall page comes as wide as the learned pictures, any
        other picture covers them. Never above 1.
        """
        if self.size is None:
            return 1.0
        window = width * self.size[0] / self.size[1]
        wide = self.size[1] / width
        tall = 0 if height >= pixels.PAGE_HEIGHT * window else self.size[0] / height
        return min(1.0, max(wide, tall))

    def colorize(self, condition: np.ndarray) -> np.ndarray:
        """The generator's own picture of a condition, in tiles without seams where it is large.

        Args:
            condition: uint8 [h, w], luminance or white lines on black.

        Returns:
            uint8 RGB [h, w, 3].
        """
        if condition.size <= WHOLE:
            return self._run(condition)
        height, width = condition.shape
        total = np.zeros((height, width, 3), np.float32)
        weight = np.zeros((height, width, 1), np.float32)
        for top in _steps(height):
            for left in _steps(width):
                place = (slice(top, top + TILE), slice(left, left + TILE))
                picture = self._run(condition[place])
                share = np.outer(*(_ramp(length) for length in picture.shape[:2]))[..., None]
                total[place] += share * picture
                weight[place] += share
        np.divide(total, weight, out=total)
        return np.rint(total, out=total).astype(np.uint8)

    def _run(self, condition: np.ndarray) -> np.ndarray:
        batch = tf.constant(condition[np.newaxis, ..., np.newaxis])  # [1, h, w, 1]
        return self.network(pixels=batch)["pixels"][0].numpy()


def _size(dataset: dict) -> tuple[int, int] | None:
    return tuple(dataset["size"]) if dataset.get("size") else None


def _steps(length: int) -> list[int]:
    """Where tiles begin along one axis: a whole number of steps, so that all see one grid."""
    step = TILE - OVERLAP
    return list(range(0, max(1, length - OVERLAP), step))


def _ramp(length: int) -> np.ndarray:
    """How much each place along one side of a tile counts: little at its ends, float32 [length]."""
    from_end = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1
    return np.minimum(1, from_end / OVERLAP).astype(np.float32)


LOCKS = ("luminance", "ink", "none")


@dataclass(frozen=True)
class Settings:
    """How pages and films are coloured; the defaults are those of the command."""

    lock: str = "luminance"
    """What of the page stays: its `luminance`, its `ink` laid over colours, or `none` of it."""
    treat_as: str | None = None
    """One of `routing.KINDS` in place of what the page is judged to be."""
    scale: float | None = None
    """The factor by which the network sees a page smaller; None as the model learned it."""
    hints: Path | None = None
    """A transparent picture with strokes of colour, or a folder of them named as the pages, in the
    same folders."""
    format: str | None = None
    """`png`, `jpeg` or `webp` for all pages; None each as it is."""
    quality: int | None = None
    """Of JPEG and WebP, 1..100; None as the page itself, or `media.pages.QUALITY`."""
    layers: bool = False
    """Whether each page is also written as OpenRaster, ink and colour apart."""
    codec: str | None = None
    """Of video; None by the container."""
    crf: int | None = None
    """The constant quality of video, smaller is better; None `film_writer.QUALITY` of the codec."""

    def described(self) -> dict:
        """The settings as JSON, hints by their content."""
        said = {**self.__dict__, "hints": None}
        if self.hints is not None and self.hints.is_dir():
            said["hints"] = {path.relative_to(self.hints).as_posix(): sha256_of(path)
                             for path in sorted(self.hints.rglob("*")) if path.is_file()}
        elif self.hints is not None:
            said["hints"] = sha256_of(self.hints)
        return said
