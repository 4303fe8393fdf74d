"""What a run leaves on disk: of which moment, which is the best, how many, and after a kill."""

import json
import os
import shutil

import h5py
import keras
import numpy as np
import pytest
from conftest import SIZE, tiny

from keras_colorize import colorize, config, export, models
from keras_colorize.errors import SettingsMismatch
from keras_colorize.evaluation import evaluate
from keras_colorize.files import sha256_of, whole_file, whole_folder
from keras_colorize.training import callbacks, checkpoints, devices, run_directory
from keras_colorize.training.checkpoints import Position

HALF = ("train.precision=float16", "optimizer.ema=0.9")


def content_of(path):
    """All arrays of an HDF5 file by name."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, each: found.update({name: each[()]})
                        if isinstance(each, h5py.Dataset) else None)
    return found


@pytest.fixture
def keeper_of(tmp_path):
    """A function that gives a model after a step, its keeper, and the context to write in."""
    def make(*overrides):
        wanted = tiny("gan_gray", "model.encoder=[4,4]", "model.decoder=[4,4]",
                      "model.discriminator=[4,4]", *overrides)
        keeper = checkpoints.Keeper(tmp_path / "run", models.build(wanted, SIZE),
                                    models.networks(wanted, SIZE), wanted.train.checkpoints_kept)
        model = models.build(wanted, SIZE)
        noise = np.random.default_rng(0)
        batch = [noise.uniform(-1, 1, (4, *SIZE, count)).astype(np.float32) for count in (1, 3)]
        model.run_eagerly = True
        model.train_on_batch(*map(keras.ops.convert_to_tensor, batch))
        run = callbacks.Run(tmp_path / "run", wanted, 5, devices.Devices(("one",)), None,
                            Position())
        return model, keeper, keeper.writing(callbacks.Log(run, batch))

    return make


def test_what_is_kept_is_the_model_as_it_was_when_asked_for_in_the_format_of_any(
        keeper_of, tmp_path):
    model, keeper, context = keeper_of(*HALF)
    model.save_weights(tmp_path / "model.weights.h5")
    average = model.final_generator.get_weights()
    with context:
        keeper.keep_epoch(model, Position(1, 0, 5), 0.5)
        for variable in model.variables:
            variable.assign(keras.ops.zeros_like(variable))  # as the next steps change it
    run_dir = tmp_path / "run"
    expected = content_of(tmp_path / "model.weights.h5")
    kept = content_of(run_dir / "checkpoints" / "step-00000005" / "model.weights.h5")
    assert kept.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(kept[name], values, err_msg=name)
    generator = keras.models.load_model(run_dir / "generator.keras")
    assert {layer.compute_dtype for layer in generator.layers} == {"float32"}
    assert generator.trainable and all(layer.trainable for layer in generator.layers)
    for one, other in zip(generator.get_weights(), average, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (run_dir / "samples" / "epoch-0001.png").is_file()


def test_what_cannot_be_written_ends_the_training_and_no_checkpoint_says_it_was(
        keeper_of, tmp_path):
    model, keeper, context = keeper_of()
    (tmp_path / "run" / "samples").touch()
    with pytest.raises(OSError, match="samples"), context:
        keeper.keep_epoch(model, Position(1, 0, 5), 0.5)
        keeper.wait()
    assert checkpoints.latest(tmp_path / "run") is None


@pytest.mark.parametrize("kept", [1, 3])
def test_the_best_epoch_is_kept_beside_the_last_checkpoints(kept, keeper_of, tmp_path):
    model, keeper, context = keeper_of(f"train.checkpoints_kept={kept}")
    run_dir, digests = tmp_path / "run", {}
    with context:
        for epoch, l1 in enumerate((0.5, 0.3, 0.4, 0.3), start=1):
            model.generator.trainable_variables[0].assign_add(
                keras.ops.ones_like(model.generator.trainable_variables[0]))
            keeper.keep_epoch(model, Position(epoch, 0, epoch), l1)
            keeper.wait()
            digests[epoch] = sha256_of(run_dir / "generator.keras")
    assert checkpoints.best(run_dir) == {"epoch": 2, "step": 2, "l1": 0.3}
    assert sha256_of(run_dir / "best" / "generator.keras") == digests[2] != digests[4]
    assert (run_dir / "best" / "discriminator.keras").is_file()
    assert sorted(path.name for path in (run_dir / "checkpoints").iterdir()) == [
        f"step-{step:08d}" for step in range(5 - kept, 5)]


def test_where_epochs_are_equally_vivid_the_nearest_to_the_eye_is_best(keeper_of, tmp_path):
    model, keeper, context = keeper_of()
    distances = iter((9.0, 7.0, 8.0))
    keeper.finish = lambda generator: next(distances)
    with context:
        for epoch, l1 in enumerate((0.2, 0.4, 0.3), start=1):
            keeper.keep_epoch(model, Position(epoch, 0, epoch), l1)
    assert checkpoints.best(tmp_path / "run") == {"epoch": 2, "step": 2, "l1": 0.4,
                                                  "ciede2000": 7.0}


def test_a_run_without_checkpoints_begins_again_if_it_may_have_been_killed_before_the_first(
        tmp_path):
    wanted, run_dir = tiny("cpu/convnet_gray"), tmp_path / "run"
    run_directory.start(run_dir, wanted, {"digest": "of data"}, "one", 0)
    (run_dir / "generator.keras").touch()
    (run_dir / "history.csv").write_text("epoch\n1\n2\n")
    run_directory.check(run_dir, wanted, "of data")
    (run_dir / "history.csv").write_text("epoch\n1\n2\n3\n")
    with pytest.raises(SettingsMismatch, match="has lost its checkpoints, so it cannot go on"):
        run_directory.check(run_dir, wanted, "of data")


@pytest.mark.parametrize("done", ["half written", "written", "old moved", "moved"])
def test_a_kill_within_save_best_leaves_one_whole_best(done, tmp_path):
    def write(folder, l1):
        folder.mkdir()
        (folder / "generator.keras").write_text(str(l1))
        (folder / "best.json").write_text(json.dumps({"epoch": 1, "step": 1, "l1": l1}))

    write(tmp_path / "best", 0.5)
    write(tmp_path / (".best.next" if done != "half written" else "..best.next.1.partial"), 0.4)
    if done in ("old moved", "moved"):
        os.replace(tmp_path / "best", tmp_path / ".best.partial")
    if done == "moved":
        os.replace(tmp_path / ".best.next", tmp_path / "best")
    with run_directory.held(tmp_path):
        l1 = checkpoints.best(tmp_path)["l1"]
    assert l1 == (0.5 if done == "half written" else 0.4)
    assert (tmp_path / "best" / "generator.keras").read_text() == str(l1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "lock"]


def test_the_best_networks_of_a_run_are_measured_exported_and_colour_like_a_run(
        runs, data_dir, tmp_path):
    run_dir = shutil.copytree(runs["gan_gray"], tmp_path / "mine")
    best = run_dir / "best"
    shutil.copyfile(runs["convnet_gray"] / "generator.keras", best / "generator.keras")
    (best / "best.json").write_text(json.dumps({"epoch": 1, "step": 5, "l1": 0.1}))
    rows = evaluate.evaluate([run_dir, best], data_dir, tmp_path / "report")["rows"]
    l1 = {row["run"]: row["l1"] for row in rows}
    assert l1["mine"] != l1["mine-best"]
    assert (tmp_path / "report" / "mine-best_d_loss.png").is_file()
    assert export.export(best, tmp_path / "saved")
    card = json.loads((tmp_path / "saved" / export.CARD).read_text())
    assert (card["run"], card["generator_sha256"]) == ("mine-best",
                                                       sha256_of(best / "generator.keras"))
    assert ", 1 epochs; L1" in (tmp_path / "saved" / "README.md").read_text()
    assert colorize.Model.load(best).digest == card["generator_sha256"]


def test_a_run_recorded_with_settings_that_did_nothing_still_goes_on(runs, tmp_path):
    run_dir = shutil.copytree(runs["convnet_gray"], tmp_path / "run")
    text = (run_dir / "config.toml").read_text()
    default = json.dumps(config.ModelConfig.discriminator)
    assert default in text
    (run_dir / "config.toml").write_text(text.replace(default, "[16, 32]"))
    run_directory.check(run_dir, tiny("cpu/convnet_gray"),
                        run_directory.describe(run_dir)["dataset_digest"])


def test_what_appears_whole_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    calls = []

    def seen(perform, name):
        def call(first, *others):
            path = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else first
            calls.append((name, os.path.basename(path)))
            return perform(first, *others)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, seen(getattr(os, name), name))
    with whole_file(tmp_path / "note.txt") as temporary:
        temporary.write_text("whole")
    assert calls == [("fsync", temporary.name), ("replace", temporary.name),
                     ("fsync", tmp_path.name)]
    calls.clear()
    with whole_folder(tmp_path / "folder") as temporary:
        (temporary / "inner.txt").write_text("whole")
    assert calls == [("fsync", "inner.txt"), ("fsync", temporary.name),
                     ("replace", temporary.name), ("fsync", tmp_path.name)]
