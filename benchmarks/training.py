"""Training images per second: the whole of `train` beside its bare step, and PyTorch beside both.

    .venv/bin/python benchmarks/training.py DATASET_DIR [--config cpu/gan_gray] [--epochs 4]
    .venv/bin/python benchmarks/training.py DATASET_DIR --config gan_gray --batch 16 \\
        --pytorch PYTHON

The bare step is the compiled `train_step` on one batch in memory, nothing else: its values are read
once, after all steps. `train`, which reads them after each, is timed
within its epochs (history.csv; the first, which traces, is left out), and from one epoch's end to
the next, which has validation, pictures, networks and a checkpoint in it besides. Step and epochs
are measured in turns.

With `--pytorch`, the interpreter of an environment that has PyTorch, only the steps are compared:
`benchmarks/pytorch_gan.py` is the paper's GAN at full width, so give a full-width configuration.
Keras and PyTorch run in turns, each in a process of its own with the same threads.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provenance import provenance

from keras_colorize import quiet

quiet.import_tensorflow()

import keras  # noqa: E402
from bare_step import BareStep  # noqa: E402

from keras_colorize import config, training  # noqa: E402
from keras_colorize.dataset import Dataset  # noqa: E402
from keras_colorize.records import Manifest  # noqa: E402

PYTORCH = Path(__file__).with_name("pytorch_gan.py")


@contextmanager
def timed_callbacks() -> Iterator[list[float]]:
    """How long all callbacks took after each batch within, the step itself waited for before."""
    seconds, callbacks = [], keras.callbacks.CallbackList
    perform = callbacks.on_train_batch_end

    def timed(self, batch, logs=None):
        logs = {name: float(value) for name, value in logs.items()}
        began = time.perf_counter()
        perform(self, batch, logs)
        seconds.append(time.perf_counter() - began)

    callbacks.on_train_batch_end = timed
    try:
        yield seconds
    finally:
        callbacks.on_train_batch_end = perform


class InTurns(Dataset):
    """A dataset that has the bare step measured before each epoch, and notes when epochs begin."""

    def __init__(self, bare: BareStep, *arguments):
        super().__init__(*arguments)
        self.bare, self.speeds, self.seconds, self.began = bare, [], [], None

    def training(self, *place):
        """The batches of an epoch, after as many bare steps."""
        if self.began:
            self.seconds.append(time.perf_counter() - self.began)
        self.speeds.append(self.bare.images_per_second(self.batches_per_epoch))
        self.began = time.perf_counter()
        return super().training(*place)


def whole(wanted: config.Config, directory: str) -> list[str]:
    """Rows of a table: the bare step, and what `train` makes of it."""
    bare = BareStep(wanted, Manifest.read(directory).size)
    data = InTurns(bare, directory, wanted.model.input, wanted.train.batch_size, wanted.train.seed,
                   wanted.augment, wanted.data)
    with tempfile.TemporaryDirectory() as folder, timed_callbacks() as seconds:
        training.train(wanted, data, Path(folder) / "run")
        with open(Path(folder) / "run" / "history.csv", newline="") as file:
            epochs = [float(row["epoch/images_per_second"]) for row in csv.DictReader(file)]
    step = statistics.median(data.speeds[1:])
    pictures = data.batches_per_epoch * wanted.train.batch_size
    rows = [f"| {name} | {speed:,.1f} | {speed / step:.3f} |" for name, speed in (
        ("the compiled step alone, one batch in memory", step),
        ("`train`, within an epoch", statistics.median(epochs[1:])),
        ("`train`, with validation, pictures, networks and checkpoint",
         pictures / statistics.median(data.seconds[1:])))]
    beside = statistics.median(seconds)
    return [*rows, f"\nCallbacks and logging: {1000 * beside:.2f} ms a batch, "
            f"{beside * step / wanted.train.batch_size:.2%} of the step."]


def beside_pytorch(name: str, batch: int, size: tuple[int, int], python: str, turns: int,
                   steps: int) -> list[str]:
    """Rows of a table: steps of Keras and of PyTorch, in turns."""
    text = f"{size[0]}x{size[1]}"
    commands = {
        "Keras": [sys.executable, __file__, "--config", name, "--batch", str(batch), "--size", text,
                  "--steps", str(steps), "--only-step"],
        "PyTorch, channels last": [python, str(PYTORCH), "--size", text, "--batch", str(batch),
                                   "--steps", str(steps)],
        "PyTorch, channels first": [python, str(PYTORCH), "--size", text, "--batch", str(batch),
                                    "--steps", str(steps), "--layout", "channels_first"]}
    speeds = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            speeds[name].append(json.loads(answer.splitlines()[-1])["images_per_second"])
    keras_speed = statistics.median(speeds["Keras"])
    return [f"| {name} | {statistics.median(each):.3f} ({min(each):.3f}..{max(each):.3f}) "
            f"| {keras_speed / statistics.median(each):.2f} |" for name, each in speeds.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", metavar="DATASET_DIR", nargs="?")
    parser.add_argument("--config", default="cpu/gan_gray")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--size", default="180x320", help="of pictures, beside PyTorch")
    parser.add_argument("--pytorch", metavar="PYTHON")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2, help="of each turn, beside PyTorch")
    parser.add_argument("--only-step", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    overrides = [f"train.epochs={options.epochs}"]
    overrides += [f"train.batch_size={options.batch}"] if options.batch else []
    wanted = config.load(options.config, overrides)
    size = tuple(map(int, options.size.split("x")))
    if options.only_step:
        speed = BareStep(wanted, size).images_per_second(options.steps)
        print(json.dumps({"images_per_second": speed}))
        return
    if options.pytorch:
        rows = ["| GAN training step | images/s, median (all) | Keras is so many times as fast |",
                "|---|---:|---:|",
                *beside_pytorch(options.config, wanted.train.batch_size, size, options.pytorch,
                                options.turns, options.steps)]
    else:
        if not options.data:
            parser.error("give a DATASET_DIR, or --pytorch")
        size = Manifest.read(options.data).size
        rows = ["| | images/s | of the step |", "|---|---:|---:|", *whole(wanted, options.data)]
    print(provenance() + f"{options.config}, batches of {wanted.train.batch_size}, "
          f"{size[0]}x{size[1]}, {keras.backend.backend()}\n")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
