"""Other backends, several devices and several processes: the same run, whatever computes it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import TINY, command, data_for, tiny
from warm_process import Command

from keras_colorize import models
from keras_colorize.errors import DatasetError, UsageError
from keras_colorize.training import checkpoints, devices, run_directory, tensorboard

BACKENDS = ("tensorflow", "jax")
LOSSES = {"loss", "d_loss", "g_loss", "g_adversarial", "l1"}


def python(*arguments, **environment):
    """Starts Python with more environment variables."""
    return subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env={
                                **os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",
                                **environment})  # compiling takes most of a short run on JAX


def train(data_dir, run_dir, *overrides, launcher=("-m", "keras_colorize.cli"), **environment):
    """Starts `train` of a tiny GAN, of two levels: XLA takes seconds to compile each."""
    arguments = ["train", "cpu/gan_gray", "--data", data_dir, "--out", run_dir]
    arguments += [each for override in (*TINY, *overrides) for each in ("--set", override)]
    if "-m" in launcher and environment.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        return Command(*arguments)
    environment = {"JAX_COMPILATION_CACHE_DIR": str(data_dir.parent / "jax"),
                   "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"} | environment
    return python(*launcher, *arguments, **environment)


def finish(process):
    """Waits for success."""
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return output


def losses_of(run_dir, prefix="epoch/"):
    """What `history.csv` says of the losses, an array [epochs, losses]."""
    with open(run_dir / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [prefix + name for name in sorted(LOSSES) if prefix + name in rows[0]]
    return np.array([[float(row[name]) for name in names] for row in rows])


TEN_STEPS = """
import sys, keras, numpy as np
sys.path.insert(0, sys.argv[1])
from conftest import tiny
from keras_colorize import models
noise = np.random.default_rng(0)
condition, color = (noise.uniform(-1, 1, (40, 64, 96, n)).astype("float32") for n in (1, 3))
model = models.build(tiny(*sys.argv[3:]), (64, 96))
model.load_weights(sys.argv[2])
for row in range(0, 40, 4):
    model.enter(1 - row // 20, whole=row % 20 == 0)  # in its game first, from equal weights
    losses = model.train_on_batch(condition[row:row + 4], color[row:row + 4], return_dict=True)
    # Gradients of equal weights are equal; ten steps on, their differences have grown.
    print(*(float(losses[name]) for name in sorted(losses)
            if row == 0 or name in model.loss_names))
final = model.final_generator(condition[:4], training=False)
print(float(np.abs(final).sum()), float(np.abs(model.generator(condition[:4])).sum()))
"""


@pytest.mark.parametrize("name", [
    "gan_gray", *(pytest.param(each, marks=pytest.mark.slow) for each in (
        "convnet_edge", "cpu/best_gan", "cpu/best_edge"))])
def test_both_backends_give_the_same_losses_and_networks_over_ten_steps(name, tmp_path):
    wanted = (name, "optimizer.ema=0.9")
    keras.utils.set_random_seed(0)
    models.build(tiny(*wanted), (64, 96)).save_weights(tmp_path / "begun.weights.h5")
    processes = [python("-c", TEN_STEPS, Path(__file__).parents[1],
                        tmp_path / "begun.weights.h5", *wanted, KERAS_BACKEND=backend)
                 for backend in BACKENDS]
    seen = [[list(map(float, line.split())) for line in finish(process).splitlines()]
            for process in processes]
    assert len(seen[0]) == len(seen[1]) == 11
    for one, other in zip(*seen, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


@pytest.mark.slow
def test_a_run_goes_on_on_the_other_backend_and_back(data_dir, tmp_path):
    for epochs, backend in ((1, "tensorflow"), (2, "jax"), (3, "tensorflow")):
        finish(train(data_dir, tmp_path, f"train.epochs={epochs}", "train.batch_size=8",
                     KERAS_BACKEND=backend))
        model = models.build(run_directory.read_config(tmp_path), (64, 96))
        position = checkpoints.restore(checkpoints.latest(tmp_path), model)
        assert position.step == int(model.optimizer.iterations) == 2 * epochs
        for one, other in zip(model.generator.get_weights(),
                              run_directory.load_generator(tmp_path).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    starts = run_directory.describe(tmp_path)["starts"]
    assert [(each["from_step"], each["backend"]) for each in starts] == [
        (0, "tensorflow"), (2, "jax"), (4, "tensorflow")]
    assert tensorboard.read_scalars(tmp_path / "tensorboard" / "train")["batch/d_loss"][0] == [
        1, 2, 3, 4, 5, 6]
    for line in (["evaluate", tmp_path, "--data", data_dir, "--out", tmp_path / "report"],
                 ["export", tmp_path, "--out", tmp_path / "saved"]):
        finish(python("-m", "keras_colorize.cli", *line, KERAS_BACKEND="jax"))
    assert (tmp_path / "report" / "table1.md").exists()
    assert (tmp_path / "saved" / "saved_model.pb").exists()


MIRRORED = """
import sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_colorize.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_two_devices_of_a_machine_train_as_one_does(data_dir, tmp_path):
    overrides = "train.epochs=1", "optimizer.ema=0.9"
    finish(train(data_dir, tmp_path / "one", *overrides))
    finish(train(data_dir, tmp_path / "two", *overrides, launcher=("-c", MIRRORED)))
    # BatchNorm's sums are over both halves; they are only added up in another order.
    np.testing.assert_allclose(losses_of(tmp_path / "one"), losses_of(tmp_path / "two"), rtol=1e-4)
    assert keras.models.load_model(tmp_path / "two" / "generator.keras").name == "generator"


def test_a_batch_that_does_not_divide_among_the_devices_is_refused():
    with pytest.raises(UsageError, match="is 5, to be shared by 2 devices; set a multiple of 2"), \
            devices.Devices(("a", "b")).spread(5):
        pass


def test_what_several_devices_cannot_do_is_refused(data_dir):
    with pytest.raises(UsageError, match="is 'on', which TensorFlow cannot be with 2 devices"), \
            devices.Devices(("a", "b")).spread(4, "on"):
        pass
    data = data_for(tiny("gan_gray"), data_dir)
    count = data.manifest.counts["validation"]
    with pytest.raises(DatasetError, match=f"has {count} validation examples, to be shared by"):
        data.validation(devices.Devices(tuple(map(str, range(count + 1)))))


ONE_STEP = """
import sys, keras, numpy as np
sys.path.insert(0, sys.argv[1])
from conftest import tiny
from keras_colorize import models
noise = np.random.default_rng(0)
batch = [noise.uniform(-1, 1, (4, 32, 32, n)).astype("float32") for n in (1, 3)]
small = [f"model.{part}=[4,4]" for part in ("encoder", "decoder", "discriminator")]
for name, *overrides in [each.split() for each in sys.argv[2:]]:
    wanted = tiny(name, *small, *overrides)
    files, model = models.networks(wanted, (32, 32)), models.build(wanted, (32, 32))
    before = [np.array(each) for each in model.trainable_variables]
    for _ in range(20):  # float16 skips steps, changing nothing, until its loss scale has halved
        losses = model.train_on_batch(*batch, return_dict=True)
        assert all(np.isfinite(losses[each]) for each in model.loss_names), (name, overrides)
        if all(np.isfinite(value) for value in losses.values()):
            break
    moved = [np.any(old != np.array(each)) for old, each in zip(before, model.trainable_variables)]
    assert all(moved), (name, overrides)
    assert {str(each.dtype) for each in model.trainable_variables} == {"float32"}
    kinds = {layer.compute_dtype for layer in model.generator.layers}
    assert kinds == {wanted.train.precision, "float32"}, kinds
    assert {layer.compute_dtype for layer in files["generator"].layers} == {"float32"}
    files["generator"].set_weights(model.generator.get_weights())
    print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_in_each_precision_and_with_xla_moves_all_weights(backend):
    steps = ["gan_gray train.precision=float16", "convnet_gray train.precision=bfloat16"]
    steps += [f"cpu/{name} train.precision=float16" for name in ("best_gan", "best_edge")]
    if backend == "tensorflow":
        steps += [f"{name} train.xla=on" for name in ("convnet_gray", "cpu/best_edge")]
    output = finish(python("-c", ONE_STEP, Path(__file__).parents[1], *steps,
                           KERAS_BACKEND=backend))
    assert output.split() == ["done"] * len(steps)


@pytest.mark.slow
def test_shorter_precisions_learn_as_float32_does(tmp_path):
    """On the drawn episode, as the demo trains; float16 takes three times as long on a CPU."""
    film, data, report = tmp_path / "film.mp4", tmp_path / "data", tmp_path / "report"
    runs = {name: tmp_path / name for name in ("float32", "bfloat16", "float16")}
    steps = [["draw-episode", film],
             ["build-tfrecords", film, "--every", 6, "--size", "90x160", "--out", data],
             *(["train", "cpu/gan_gray", "--data", data, "--out", run_dir, "--set",
                "train.epochs=8", "--set", f"train.precision={name}"]
               for name, run_dir in runs.items()),
             ["evaluate", *runs.values(), "--data", data, "--out", report]]
    for step in steps:
        done = command(*step)
        assert done.returncode == 0, done.stderr
    rows = json.loads((report / "metrics.json").read_text())["rows"]
    l1 = {row["run"] or row["model"]: row["l1"] for row in rows}
    assert l1["float32"] <= 0.6 * l1["input"]
    assert l1["bfloat16"] <= 1.05 * l1["float32"]
    assert l1["float16"] <= 1.05 * l1["float32"]
