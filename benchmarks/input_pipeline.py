"""Examples per second of the training input pipeline, beside what limits it, as one table.

    .venv/bin/python benchmarks/input_pipeline.py [DATASET_DIR] [--repeats 5]

Without a dataset it draws one, 180x320, from the demo's cartoon, whose flat colours make smaller
PNG files than film does: give a dataset of film for its figures. Every row is measured `--repeats`
times, in turn with the others: other work on the machine hits all alike. Processor time is that of
all threads together; ratios are to decoding PNG alone.
`taskset --cpu-list 0,1` before the command keeps it to two cores.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from rows import Table, in_turns, parse, rates, row
from tqdm import tqdm

from keras_colorize import import_tensorflow

import_tensorflow()

import tensorflow as tf  # noqa: E402

from keras_colorize import media  # noqa: E402
from keras_colorize.cartoon import episode  # noqa: E402
from keras_colorize.config import AugmentConfig, DataConfig  # noqa: E402
from keras_colorize.data import records, splits  # noqa: E402
from keras_colorize.data.dataset import Dataset  # noqa: E402
from keras_colorize.files import sha256_of  # noqa: E402
from keras_colorize.image import pixels  # noqa: E402

SIZE, BATCH = (180, 320), 32
ALONE = 256  # pictures at most that are decoded alone
PLAIN, CROPPED = AugmentConfig(), AugmentConfig(flip=True, crop=0.7)
EVERYTHING = {"gray": AugmentConfig(flip=True, crop=0.7, gamma=0.3, screentone=0.5),
              "edge": AugmentConfig(flip=True, crop=0.7, gamma=0.3, canny=0.4, line_thickness=3)}
CACHED, DECODED_ANEW = DataConfig(cache=True), DataConfig(cache=False)


def write_dataset(directory: Path, examples: Iterable[dict[str, np.ndarray]],
                  compress: bool = True) -> None:
    """Writes a dataset of examples' pictures, all of them for training."""
    directory.mkdir()
    path, count = directory / "train-00000-of-00001.tfrecord", 0
    with tf.io.TFRecordWriter(str(path)) as writer:
        for count, example in enumerate(examples, 1):
            writer.write(records.serialize(
                {name: media.encode_picture(picture, compress=compress)
                 for name, picture in example.items()}, "film", count, 0.0, 0))
    shard = {"file": path.name, "records": count, "sha256": sha256_of(path)}
    size, none = list(example["gray"].shape), np.empty((0, *pixels.THUMBNAIL, 3), np.uint8)
    (directory / records.MANIFEST).write_text(json.dumps({
        "schema": records.SCHEMA, "size": size, "every": 1, "split_by": "frame", "seed": 0,
        "canny": list(pixels.CANNY), "digest": records.digest_of(size, [shard]),
        "shards": [shard], "sources": [], "failed": {}, "leak": splits.leak(none, none),
        "counts": {"train": count, "validation": 0, "test": 0}}))


def drawn_examples(count: int) -> Iterator[dict[str, np.ndarray]]:
    """Draws so many of the cartoon's frames."""
    frames = np.linspace(0, episode.length() - 1, count).astype(int)
    for frame in tqdm(frames, "drawing", unit="frame"):
        yield pixels.example(episode.draw_frame(int(frame)), SIZE)


def stored_examples(directory: Path) -> Iterator[dict[str, np.ndarray]]:
    """Decodes the training pictures of a dataset."""
    paths = [str(path) for path in records.Manifest.read(directory).shards("train")]
    for each in tf.data.TFRecordDataset(paths):
        example = records.parse(each)
        yield {name: tf.squeeze(tf.io.decode_png(example[name])).numpy()
               for name in records.PICTURES}


def stored_as(encoded: list[bytes], decode) -> tf.data.Dataset:
    """Pictures in some format, decoded in parallel and batched."""
    pictures = tf.data.Dataset.from_tensor_slices(encoded).repeat().map(decode, tf.data.AUTOTUNE)
    return pictures.batch(BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def opencv(encoded: list[bytes], threads: int):
    """PNG decoding by OpenCV in as many threads, a batch at a time."""
    def decode(one):
        return cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR_RGB)

    with ThreadPoolExecutor(threads) as pool:
        while True:
            yield list(pool.map(decode, encoded[:BATCH]))


def streams(directory: Path, uncompressed: Path, threads: int) -> tuple[dict, str]:
    """Functions that open an endless stream of batches, by row, and what the pictures weigh.

    Args:
        uncompressed: the same dataset with its PNGs uncompressed.
        threads: of OpenCV's decoding.
    """
    def training(condition, augment=PLAIN, data=DECODED_ANEW, directory=directory):
        opened = Dataset(directory, condition, BATCH, 0, augment, data)
        return lambda: opened.training(0).repeat()

    paths = [str(path) for path in records.Manifest.read(directory).shards("train")]
    examples = [records.parse(each) for each in tf.data.TFRecordDataset(paths).take(ALONE)]
    png = [example["color"].numpy() for example in examples]
    raw = [tf.io.decode_png(each).numpy() for each in png]
    shape = raw[0].shape
    jpeg = [cv2.imencode(".jpg", each[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
            for each in raw]
    stored = [media.encode_picture(each, compress=False) for each in raw]
    sizes = {"PNG": png, "uncompressed PNG": stored, "JPEG 95": jpeg,
             "raw": [each.tobytes() for each in raw]}
    weights = ", ".join(f"{name} {np.mean([len(each) for each in encoded]) / 1000:.0f} kB"
                        for name, encoded in sizes.items())
    named = {}
    for condition in ("gray", "edge"):
        named |= {f"training, {condition}": training(condition),
                  f"training, {condition}, flip and crop": training(condition, CROPPED),
                  f"training, {condition}, all variations": training(condition,
                                                                     EVERYTHING[condition]),
                  f"training, {condition}, uncompressed": training(condition,
                                                                   directory=uncompressed),
                  f"training, {condition}, uncompressed, flip and crop": training(
                      condition, CROPPED, directory=uncompressed),
                  f"training, {condition}, cache": training(condition, PLAIN, CACHED),
                  f"training, {condition}, cache, flip and crop": training(condition, CROPPED,
                                                                           CACHED)}
    return named | {
        "PNG decoding alone (TensorFlow)": lambda: stored_as(png, lambda one: tf.ensure_shape(
            tf.io.decode_png(one, channels=3), shape)),
        "PNG decoding alone (OpenCV)": lambda: opencv(png, threads),
        "uncompressed PNG alone": lambda: stored_as(stored, lambda one: tf.ensure_shape(
            tf.io.decode_png(one, channels=3), shape)),
        "JPEG decoding alone": lambda: stored_as(jpeg, lambda one: tf.ensure_shape(
            tf.io.decode_jpeg(one, channels=3), shape)),
        "raw bytes alone": lambda: stored_as(sizes["raw"], lambda one: tf.reshape(
            tf.io.decode_raw(one, tf.uint8), shape)),
        "reading records alone": lambda: tf.data.TFRecordDataset(paths).repeat().batch(BATCH),
    }, weights


def measure(batches, examples: int) -> tuple[float, float]:
    """Seconds, and seconds of processor time, an example of a stream of batches once warm."""
    count, batches = -(-examples // BATCH), iter(batches)
    for _ in islice(batches, 1 + count // 3):
        pass
    start = np.array([time.perf_counter(), time.process_time()])
    for _ in islice(batches, count):
        pass
    return tuple((np.array([time.perf_counter(), time.process_time()]) - start) / (count * BATCH))


def main() -> None:
    """Measures every row in turn and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", type=Path, nargs="?", help="a dataset directory; else drawn")
    parser.add_argument("--repeats", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--examples", type=int, default=600, help="a repeat (%(default)s)")
    parser.add_argument("--drawn", type=int, default=256, help="without a dataset (%(default)s)")
    options = parse(parser, repeats=3, examples=192, drawn=128)
    cv2.setNumThreads(1)  # the threads are tf.data's
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        directory, uncompressed = options.dataset, Path(folder) / "uncompressed"
        if not directory:
            directory = Path(folder) / "drawn"
            write_dataset(directory, drawn_examples(options.drawn))
        write_dataset(uncompressed, stored_examples(directory), compress=False)
        named, weights = streams(directory, uncompressed, cores)
        table = Table(options, f"on {cores} of the cores; {options.dataset or 'drawn frames'}; a "
                      f"picture as {weights}")
        measured = dict(zip(named, in_turns(options.repeats, *(
            lambda opened=opened: measure(opened(), options.examples)
            for opened in named.values())), strict=True))
    reference = rates(1, (wall for wall, _ in measured["PNG decoding alone (TensorFlow)"]))
    for name, values in measured.items():
        wall, worked = zip(*values, strict=True)
        table.add(row(name, "examples/s", rates(1, wall), reference,
                      note=f"{1000 * np.median(worked):.2f} ms of processor time each"))


if __name__ == "__main__":
    main()
