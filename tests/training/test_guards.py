"""What a run is protected from: other trainers, a full disk, too little memory, itself."""

import shutil
from types import SimpleNamespace

import pytest
import tensorflow as tf
from conftest import data_for, tiny

from keras_colorize import models
from keras_colorize.errors import RunError, UsageError
from keras_colorize.training import callbacks, checkpoints, guards, run_directory, train
from keras_colorize.training.checkpoints import Position


def test_a_second_trainer_is_refused_and_half_written_files_of_a_killed_one_are_removed(
        runs, data_dir, tmp_path):
    run_dir = shutil.copytree(runs["convnet_gray"], tmp_path / "run")
    more = tiny("cpu/convnet_gray", "train.epochs=3")
    with run_directory.held(run_dir), pytest.raises(UsageError, match="worked on by process"):
        train.train(more, data_for(more, data_dir), run_dir)
    good = checkpoints.latest(run_dir)
    half = run_dir / "checkpoints" / ".step-99999999.12345678.partial"
    half.mkdir()
    (half / "model.weights.h5").write_bytes(b"half")
    (run_dir / ".generator.12345678.partial.keras").write_bytes(b"half")
    assert checkpoints.latest(run_dir) == good
    assert train.train(more, data_for(more, data_dir), run_dir)
    assert not [path for path in run_dir.rglob("*") if "partial" in path.name]


def test_a_disk_too_small_for_the_checkpoints_is_named_before_training(tmp_path):
    huge = SimpleNamespace(variables=[SimpleNamespace(shape=(10**7, 10**6))],
                           optimizer=SimpleNamespace(variables=[]))
    with pytest.raises(RunError, match=r"needs \d+\.0 GB of disk space.* GB are free; make room"):
        guards.check_room(tmp_path / "run", huge)


def test_the_room_asked_for_is_that_of_what_is_written(tmp_path):
    model = models.build(tiny("cpu/gan_gray", "model.encoder=[16,32,64,128,128,128]",
                              "model.decoder=[128,128,64,32,16,16]"), (64, 96))
    checkpoints.save(tmp_path, model, Position())
    one = sum(path.stat().st_size for path in tmp_path.rglob("*.h5"))
    networks = 4 * model.count_params()
    asked = guards.room_needed(model)
    assert asked == pytest.approx(one * (checkpoints.KEPT + 2) + 3 * networks, rel=0.1)


def test_a_discriminator_that_makes_no_mistake_for_long_is_warned_of_once(tmp_path, capsys):
    watch = callbacks.WarnOfCollapse(SimpleNamespace(directory=tmp_path))
    perfect = {"d_real_accuracy": 1.0, "d_fake_accuracy": 1.0}
    for logs in [perfect] * (callbacks.COLLAPSED_AFTER - 1) + [perfect | {"d_fake_accuracy": 0.9}]:
        watch.on_train_batch_end(0, logs)
    assert not capsys.readouterr().err
    for _ in range(3 * callbacks.COLLAPSED_AFTER):
        watch.on_train_batch_end(0, perfect)
    warning = capsys.readouterr().err
    assert warning.count("warning: ") == 1
    assert f"the discriminator made no mistake in {callbacks.COLLAPSED_AFTER} batches" in warning
    watch.on_train_batch_end(0, {"loss": 1.0})  # a ConvNet has none


def test_memory_that_runs_out_is_answered_with_the_batch_size_to_try(data_dir, tmp_path):
    wanted = tiny("cpu/convnet_gray", "train.epochs=1")
    data = data_for(wanted, data_dir)
    batches = data.training
    data.training = lambda *place: batches(*place).map(
        lambda condition, color: (
            condition + tf.reduce_mean(tf.tile(condition, [1, 10**5, 10**5, 1])), color))
    with pytest.raises(RunError, match=r"out of memory with batches of 4 pictures; start a new run "
                                       r"with --set train\.batch_size=2"):
        train.train(wanted, data, tmp_path / "run")


def test_the_batch_to_try_divides_among_the_devices_and_memory_may_run_out_anywhere(tmp_path):
    for batch, count, remedy in ((12, 4, "train.batch_size=4"), (4, 4, "smaller widths")):
        with pytest.raises(RunError, match=f"batches of {batch} pictures; .*{remedy}"), \
                guards.name_smaller_batch(tmp_path, batch, count):
            raise MemoryError
