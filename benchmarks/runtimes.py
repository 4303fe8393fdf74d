"""Size and speed of a generator in each runtime: benchmarks/runtimes.py [--model RUN_DIR].

Without a run it is the paper's full-width generator with random weights, no slower than a trained
one. Every runtime turns the same gray picture, uint8, into the network's own colours, uint8, on all
cores; they take turns in one process, and all of them must agree within one level. Keras is
`predict_on_batch` with the same pixel maths around it.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from provenance import version
from rows import Row, Table, parse, rates, row, timed_in_turns

from keras_colorize import import_tensorflow

import_tensorflow("tensorflow")

import keras  # noqa: E402
import onnxruntime  # noqa: E402
import tensorflow as tf  # noqa: E402
from ai_edge_litert.interpreter import Interpreter  # noqa: E402

from keras_colorize import config, export, models  # noqa: E402
from keras_colorize.export import runtimes  # noqa: E402
from keras_colorize.image import pixels  # noqa: E402
from keras_colorize.training import run_directory  # noqa: E402


def paper_generator() -> keras.Model:
    """Builds the paper's generator, untrained."""
    wanted = config.load("gan_gray").model
    return models.unet(wanted.encoder, wanted.decoder)


def in_runtimes(generator: keras.Model, folder: Path) -> dict[str, tuple[int, Callable]]:
    """Gives for each runtime the bytes of its files, and a function from uint8 to uint8 pictures.
    """
    def own(gray):
        signed = pixels.to_signed(gray.astype(np.float32))
        return pixels.to_uint8(generator.predict_on_batch(signed))

    for convert in runtimes.CONVERTERS.values():
        convert(generator, folder)
    generator.save(folder / "generator.keras")
    colorizer = export.Colorizer(generator)
    tf.saved_model.save(colorizer, str(folder / "saved"), signatures=colorizer.signatures())
    loaded = tf.saved_model.load(str(folder / "saved"))
    session = onnxruntime.InferenceSession(folder / "network.onnx",
                                           providers=["CPUExecutionProvider"])
    lite = Interpreter(str(folder / "network.tflite"), num_threads=os.cpu_count())
    lite = lite.get_signature_runner("network")

    calls = {"Keras": ("generator.keras", own),
             "SavedModel": ("saved", lambda gray: loaded.signatures["network"](
                 pixels=tf.constant(gray))["pixels"].numpy()),
             f"ONNX Runtime {version('onnxruntime')}": (
                 "network.onnx", lambda gray: session.run(None, {"pixels": gray})[0]),
             f"LiteRT {version('ai-edge-litert')}": (
                 "network.tflite", lambda gray: lite(pixels=gray)["colored_pixels"])}
    return {name: (size_of(folder / file), call) for name, (file, call) in calls.items()}


def size_of(path: Path) -> int:
    """Counts the bytes of a file, or of all files below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def size_rows(results: dict[str, tuple[int, Callable]], size: tuple[int, int],
              turns: int) -> list[Row]:
    """Measures a call in each runtime on a picture of one size, once they have agreed."""
    gray = np.random.default_rng(0).integers(0, 256, (1, *size, 1), np.uint8)
    calls = [call for _, call in results.values()]
    pictures = [call(gray).astype(int) for call in calls]
    furthest = max(np.abs(picture - pictures[0]).max() for picture in pictures)
    assert furthest <= 1, f"the runtimes differ by {furthest} levels"
    speeds = [rates(1, spent) for spent in timed_in_turns(
        turns, *(lambda call=call: call(gray) for call in calls))]
    return [row(f"{name}, {size[0]}x{size[1]}", "pictures/s", each, speeds[0],
                note=f"{weight / 1e6:.1f} MB of files")
            for (name, (weight, _)), each in zip(results.items(), speeds, strict=True)]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, metavar="RUN_DIR", help="in place of the paper's")
    parser.add_argument("--turns", type=int, default=15, help="(%(default)s)")
    parser.add_argument("--sizes", nargs="+", default=["180x320", "360x640"],
                        help="of the pictures (%(default)s)")
    options = parse(parser, turns=7, sizes=["180x320"])
    generator = run_directory.load_generator(options.model) if options.model else paper_generator()
    table = Table(options, f"{generator.count_params():,} parameters; ratios are to Keras")
    with tempfile.TemporaryDirectory() as folder:
        results = in_runtimes(generator, Path(folder))
        for size in options.sizes:
            table.add(*size_rows(results, tuple(map(int, size.split("x"))), options.turns))


if __name__ == "__main__":
    main()
