"""Training images per second: the whole of `train` beside its bare step, and PyTorch beside both.

    .venv/bin/python benchmarks/training.py DATASET_DIR [--config cpu/gan_gray] [--epochs 6]
    .venv/bin/python benchmarks/training.py DATASET_DIR --config gan_gray --batch 16 \\
        --pytorch PYTHON

The bare step is the compiled `train_step` on one batch in memory, nothing else: its values are read
once, after several steps. `train`, which reads them after each, is timed within its epochs, and
from one epoch's end to the next, which has validation, pictures, networks and a checkpoint in it
besides. The step is measured in turns with the batches of the second half of each epoch, by when
what the one before left is written; that time is not counted. The first epoch, which traces, is
left out.

With `--pytorch`, the interpreter of an environment that has PyTorch, only the steps are compared:
`benchmarks/pytorch_gan.py` is the paper's GAN at full width, so give a full-width configuration.
Keras and PyTorch run in turns, each in a process of its own with the same threads.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

from rows import Row, Table, in_turns, parse, row

from keras_colorize import import_tensorflow

import_tensorflow()

import keras  # noqa: E402
from bare_step import BareStep  # noqa: E402

from keras_colorize import config  # noqa: E402
from keras_colorize.data.dataset import Dataset  # noqa: E402
from keras_colorize.data.records import Manifest  # noqa: E402
from keras_colorize.training import train  # noqa: E402

PYTORCH = Path(__file__).with_name("pytorch_gan.py")
STEPS = 10  # at most, of a turn


class Watch:
    """Times an epoch after the other, and beside their batches the bare step."""

    def __init__(self, bare: BareStep, batches: int):
        self.bare, self.batches = bare, batches
        self.steps = max(1, min(STEPS, batches // 4))
        self.step, self.within, self.whole = [], [], []
        """Images a second, of each epoch."""
        self.after_batch = []
        """Seconds that all callbacks took after a batch."""
        self.ended = self.began = self.aside = 0.0

    @contextmanager
    def over_fit(self) -> Iterator[None]:
        """Watches what trains within."""
        calls = keras.callbacks.CallbackList
        begin_epoch, end_batch, end_epoch = (
            calls.on_epoch_begin, calls.on_train_batch_end, calls.on_epoch_end)

        def on_epoch_begin(self_, epoch, logs=None):
            self.began, self.aside, self.turns = time.perf_counter(), 0.0, []
            begin_epoch(self_, epoch, logs)

        def on_train_batch_end(self_, batch, logs=None):
            logs = {name: float(value) for name, value in logs.items()}  # waits for the step
            began = time.perf_counter()
            end_batch(self_, batch, logs)
            self.after_batch.append(time.perf_counter() - began)
            done = batch + 1
            if done == self.batches:
                self.within.append(self._speed_since(self.began))
                self.step.append(statistics.median(self.turns))
            elif 2 * done >= self.batches and done % self.steps == 0:
                began = time.perf_counter()
                self.turns.append(self.bare.images_per_second(self.steps))
                self.aside += time.perf_counter() - began

        def on_epoch_end(self_, epoch, logs=None):
            end_epoch(self_, epoch, logs)
            self.whole.append(self._speed_since(self.ended))
            self.ended = time.perf_counter()

        with mock.patch.multiple(calls, on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end,
                                 on_train_batch_end=on_train_batch_end):
            yield

    def _speed_since(self, then: float) -> float:
        return self.batches * self.bare.batch / (time.perf_counter() - then - self.aside)


def whole(wanted: config.Config, directory: str) -> list[Row]:
    """Rows on the bare step, and on what `train` makes of it."""
    data = Dataset(directory, wanted.model.input, wanted.train.batch_size, wanted.train.seed,
                   wanted.augment, wanted.data)
    if data.batches_per_epoch < 2:
        raise SystemExit(f"{directory}: has one batch an epoch; give a larger dataset")
    watch = Watch(BareStep(wanted, data.size), data.batches_per_epoch)
    with tempfile.TemporaryDirectory() as folder, watch.over_fit():
        train.train(wanted, data, Path(folder) / "run")
    step, within, ends = (each[1:] for each in (watch.step, watch.within, watch.whole))
    after = statistics.median(watch.after_batch)
    share = after * statistics.median(watch.step) / wanted.train.batch_size
    return [row("the compiled step alone, one batch in memory", "images/s", step,
                note=f"{watch.batches} batches an epoch"),
            row("`train`, within an epoch", "images/s", within, step, 0.95,
                f"callbacks and logging: {1000 * after:.2f} ms a batch, {share:.2%} of the step"),
            row("`train`, with validation, pictures, networks and checkpoint", "images/s", ends,
                step, 0.92)]


def beside_pytorch(wanted: config.Config, size: str, options: argparse.Namespace) -> list[Row]:
    """Rows on steps of Keras and of PyTorch, in turns."""
    shared = ["--size", size, "--batch", str(wanted.train.batch_size),
              "--steps", str(options.steps)]
    torch = [options.pytorch, str(PYTORCH), *shared, "--layout"]
    commands = [[sys.executable, __file__, *shared, "--config", options.config, "--only-step"],
                [*torch, "channels_last"], [*torch, "channels_first"]]

    def speed(command: list[str]) -> float:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return json.loads(answer.splitlines()[-1])["images_per_second"][0]

    keras_speeds, *others = in_turns(options.turns, *(partial(speed, each) for each in commands))
    rows = []
    for name, speeds in zip(("last", "first"), others, strict=True):
        rows += [row(f"PyTorch, channels {name}", "images/s", speeds),
                 row(f"Keras beside PyTorch, channels {name}", "images/s", keras_speeds, speeds,
                     1.3)]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", metavar="DATASET_DIR", nargs="?")
    parser.add_argument("--config", default="cpu/gan_gray")
    parser.add_argument("--epochs", type=int, default=6, help="at least 2")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--size", default="180x320", help="of pictures, beside PyTorch")
    parser.add_argument("--pytorch", metavar="PYTHON")
    parser.add_argument("--turns", type=int, default=3, help="beside PyTorch")
    parser.add_argument("--steps", type=int, default=2, help="of each turn, beside PyTorch")
    parser.add_argument("--only-step", action="store_true", help=argparse.SUPPRESS)
    options = parse(parser, epochs=3)
    overrides = [f"train.epochs={options.epochs}"]
    overrides += [f"train.batch_size={options.batch}"] if options.batch else []
    wanted = config.load(options.config, overrides)
    size = options.size
    if options.only_step:
        bare = BareStep(wanted, tuple(map(int, size.split("x"))))
        print(json.dumps({"images_per_second": [bare.images_per_second(options.steps)]}))
        return
    if not options.pytorch:
        if not options.data:
            parser.error("give a DATASET_DIR, or --pytorch")
        size = "x".join(map(str, Manifest.read(options.data).size))
    table = Table(options, f"{options.config}, batches of {wanted.train.batch_size}, {size}, "
                  f"{keras.backend.backend()}")
    table.add(*(beside_pytorch(wanted, size, options) if options.pytorch
                else whole(wanted, options.data)))


if __name__ == "__main__":
    main()
