"""Size and speed of a generator in each runtime: benchmarks/runtimes.py [--model RUN_DIR].

Without a run it is the paper's full-width generator with random weights, no slower than a trained
one. Every runtime turns the same gray picture, uint8, into the network's own colours, uint8, on all
cores; they take turns in one process, and all of them must agree within one level. Keras is
`predict_on_batch` with the same pixel maths around it.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from provenance import provenance, version

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

TURNS = 15
SIZES = ((180, 320), (360, 640))


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


def speeds(calls: list[Callable], gray: np.ndarray) -> list[float]:
    """Median seconds of a call in each runtime, in turns, once they have agreed."""
    pictures = [call(gray).astype(int) for call in calls]
    furthest = max(np.abs(picture - pictures[0]).max() for picture in pictures)
    assert furthest <= 1, f"the runtimes differ by {furthest} levels"
    spent = [[] for _ in calls]
    for _ in range(TURNS):
        for call, times in zip(calls, spent, strict=True):
            begun = time.perf_counter()
            call(gray)
            times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in spent]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, metavar="RUN_DIR", help="in place of the paper's")
    options = parser.parse_args()
    generator = run_directory.load_generator(options.model) if options.model else paper_generator()
    print(provenance())
    with tempfile.TemporaryDirectory() as folder:
        results = in_runtimes(generator, Path(folder))
        drawn = np.random.default_rng(0)
        measured = [speeds([call for _, call in results.values()],
                           drawn.integers(0, 256, (1, *size, 1), np.uint8)) for size in SIZES]
    print(f"{generator.count_params():,} parameters\n")
    print("| runtime | files, MB | " + " | ".join(
        f"{height}x{width}, pictures/s | of Keras" for height, width in SIZES) + " |")
    print("|---|---:|" + "---:|---:|" * len(SIZES))
    for place, (name, (size, _)) in enumerate(results.items()):
        cells = [f"{1 / times[place]:.1f} | {times[0] / times[place]:.2f}" for times in measured]
        print(f"| {name} | {size / 1e6:.1f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
