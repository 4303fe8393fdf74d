import csv
import json
import os
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY, command, data_for, tiny, wait_for
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from warm_process import Command

from keras_colorize import cli, config, media, models
from keras_colorize.errors import NotFiniteError, RunError, SettingsMismatch, UsageError
from keras_colorize.training import checkpoints, run_directory, tensorboard, train

LOSSES = {"convnet": {"loss", "l1"}, "gan": {"d_loss", "g_loss", "g_adversarial", "l1"}}
JUDGED = {"convnet": set(), "gan": {"d_real_accuracy", "d_fake_accuracy"}}
NORMS = {"convnet": {"gradient_norm"}, "gan": {"d_gradient_norm", "g_gradient_norm"}}


def scalars(run_dir, writer="train"):
    """What TensorBoard reads of a run."""
    return tensorboard.read_scalars(run_dir / "tensorboard" / writer)


def state_of(run_dir):
    """All weights and the optimiser's state of a run's last checkpoint."""
    model = models.build(run_directory.read_config(run_dir), (64, 96))
    position = checkpoints.restore(checkpoints.latest(run_dir), model)
    return position, [np.asarray(each) for each in model.variables + model.optimizer.variables]


@pytest.mark.parametrize("name", ["convnet_gray", "convnet_edge", "gan_gray", "gan_edge"])
def test_event_files_hold_one_raw_point_a_batch_and_one_mean_an_epoch(name, runs, data_dir):
    kind = name.split("_")[0]
    losses = LOSSES[kind] | JUDGED[kind]
    steps = data_for(tiny(f"cpu/{name}"), data_dir).batches_per_epoch
    train, validation = scalars(runs[name]), scalars(runs[name], "validation")
    assert set(train) == {f"{level}/{name}" for level in ("batch", "epoch")
                          for name in losses | NORMS[kind]} | {
        "epoch/learning_rate", "epoch/images_per_second"}
    assert set(validation) == {f"epoch/{loss}" for loss in losses}
    for loss in losses:
        at, raw = train[f"batch/{loss}"]
        assert at == list(range(1, 2 * steps + 1))
        epochs, means = train[f"epoch/{loss}"]
        assert epochs == validation[f"epoch/{loss}"][0] == [1, 2]
        np.testing.assert_allclose(means, [np.mean(raw[:steps]), np.mean(raw[steps:])], rtol=1e-5)


def test_a_run_directory_holds_what_others_read(runs):
    run_dir = runs["gan_gray"]
    described = json.loads((run_dir / "run.json").read_text())
    assert {"seed", "versions", "commit", "backend", "device", "dataset_digest",
            "starts"} <= described.keys()
    assert described["starts"][0]["from_step"] == 0
    assert run_directory.read_config(run_dir) == tiny("cpu/gan_gray")
    with open(run_dir / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["epoch/d_loss"]) == pytest.approx(scalars(run_dir)["epoch/d_loss"][1][1])
    assert float(rows[1]["validation/epoch/l1"]) == pytest.approx(
        scalars(run_dir, "validation")["epoch/l1"][1][1])
    for name in ("generator", "discriminator"):
        assert keras.models.load_model(run_dir / f"{name}.keras").name == name
    picture = media.read_picture(run_dir / "samples" / "epoch-0002.png")
    assert picture.shape[0] == 3 * (64 + 4)  # condition, output, truth


def test_saved_networks_load_in_a_fresh_process_after_one_import(runs):
    code = ("import keras, keras_colorize.models; "
            f"print(keras.models.load_model({str(runs['gan_gray'] / 'generator.keras')!r}).name)")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "generator", answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convnet_gray", "gan_gray"])
def test_a_run_resumed_after_an_epoch_equals_another_of_its_seed_that_never_stopped(
        name, runs, data_dir, tmp_path):
    three = tiny(f"cpu/{name}", "train.epochs=3")
    train.train(three, data_for(three, data_dir), tmp_path / "whole")
    shutil.copytree(runs[name], tmp_path / "resumed")
    train.train(three, data_for(three, data_dir), tmp_path / "resumed")
    _assert_equal_runs(tmp_path / "whole", tmp_path / "resumed")
    starts = run_directory.describe(tmp_path / "resumed")["starts"]
    steps = data_for(three, data_dir).batches_per_epoch
    assert [each["from_step"] for each in starts] == [0, 2 * steps]


@pytest.mark.parametrize("number_in_game", [
    signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_run_stopped_before_its_game_and_killed_in_it_ends_as_one_that_never_was_bit_for_bit(
        number_in_game, data_dir, tmp_path):
    exact = (*TINY, "train.checkpoint_steps=1", "train.deterministic=true", "train.batch_size=2",
             "train.adversarial_from=1", "optimizer.ema=0.9", "optimizer.adversarial_rate=1e-4",
             "model.discriminator_normalization=spectral")
    arguments = [each for override in exact for each in ("--set", override)]
    arguments = ["cpu/gan_gray", "--data", data_dir, *arguments, "--out"]
    run_dir = tmp_path / "stopped"

    def last_step():
        return checkpoints.step_of(checkpoints.latest(run_dir))

    def stop_after(step, number):
        process = Command("train", *arguments, run_dir)
        wait_for(lambda: last_step() >= step, process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
        if number != signal.SIGKILL:
            assert process.returncode == 1
            assert errors.splitlines()[-1] == (
                f"error: {run_dir}: stopped by {number.name} after batch {last_step()}; run the "
                "same command to continue")

    whole = command("train", *arguments, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    steps = data_for(tiny("cpu/gan_gray", "train.batch_size=2"), data_dir).batches_per_epoch
    stop_after(1, signal.SIGINT)
    if number_in_game == signal.SIGTERM:
        stop_after(steps, signal.SIGKILL)  # the game takes seconds to begin
    stop_after(steps + 1, number_in_game)
    resumed = command("train", *arguments, run_dir)
    assert resumed.returncode == 0, resumed.stderr
    starts = [each["from_step"] for each in run_directory.describe(run_dir)["starts"]]
    assert 0 == starts[0] < starts[1] < steps < starts[-1] < 2 * steps
    assert (steps in starts) == (number_in_game == signal.SIGTERM)
    _assert_equal_runs(tmp_path / "whole", run_dir, exactly=True)
    assert scalars(run_dir)["batch/d_loss"][0] == list(range(steps + 1, 2 * steps + 1))


def _assert_equal_runs(one, other, exactly=False):
    (position, state), (other_position, again) = state_of(one), state_of(other)
    assert position == other_position
    for each, same in zip(state, again, strict=True):
        if exactly:
            np.testing.assert_array_equal(each, same)
        np.testing.assert_allclose(each, same, rtol=1e-5, atol=1e-7)
    for writer in ("train", "validation"):
        expected, got = scalars(one, writer), scalars(other, writer)
        assert expected.keys() == got.keys()
        for tag, (steps, values) in expected.items():
            assert got[tag][0] == steps, tag  # no gap and no repeat
            if tag == "epoch/images_per_second":
                continue
            np.testing.assert_allclose(got[tag][1], values, rtol=1e-4, err_msg=tag)
    with open(one / "history.csv") as first, open(other / "history.csv") as second:
        assert len(first.readlines()) == len(second.readlines())


def test_a_finished_run_is_left_alone_and_may_grow_and_keep_fewer_checkpoints(
        runs, data_dir, tmp_path):
    run_dir = shutil.copytree(runs["convnet_gray"], tmp_path / "run")
    before = (run_dir / "run.json").read_bytes()
    wanted = tiny("cpu/convnet_gray")
    assert train.train(wanted, data_for(wanted, data_dir), run_dir) is False
    assert (run_dir / "run.json").read_bytes() == before
    fewer = tiny("cpu/convnet_gray", "train.epochs=1")
    with pytest.raises(SettingsMismatch, match=r"train\.epochs was 2, now 1"):
        train.train(fewer, data_for(fewer, data_dir), run_dir)
    for forbidden, named in (
            (["train.batch_size=8"], "train.batch_size was 4, now 8"),
            (["train.seed=1", "data.cache=true", "train.xla='off'"], "train.seed was 0, now 1"),
            (["data.shuffle=9"], "data.shuffle was 4096, now 9"),
            (["model.decoder=[4,8]"], "model.decoder was [4, 4], now [4, 8]"),
            (["optimizer.ema=0.5", "train.checkpoints_kept=3", "augment.crop=0.9"],
             "augment.crop was 0.7, now 0.9, optimizer.ema was 0.0, now 0.5")):
        other = tiny("cpu/convnet_gray", "train.epochs=3", *forbidden)
        with pytest.raises(SettingsMismatch) as refused:  # it does not name what may change
            train.train(other, data_for(other, data_dir), run_dir)
        assert f"is a run with another configuration ({named});" in str(refused.value)
    more = tiny("cpu/convnet_gray", "train.epochs=3", "train.checkpoints_kept=1")
    assert train.train(more, data_for(more, data_dir), run_dir) is True
    assert scalars(run_dir)["epoch/loss"][0] == [1, 2, 3]
    assert len(list((run_dir / "checkpoints").iterdir())) == 1
    assert run_directory.read_config(run_dir) == more


def test_another_configuration_or_dataset_on_the_same_run_is_refused(runs, data_dir, tmp_path):
    other = tiny("cpu/gan_gray", "optimizer.learning_rate=1e-4")
    with pytest.raises(SettingsMismatch, match=r"optimizer\.learning_rate was 0\.001, now 0\.0001"):
        train.train(other, data_for(other, data_dir), runs["gan_gray"])
    same = tiny("cpu/gan_gray")
    data = data_for(same, data_dir)
    data.manifest.values["digest"] = "another"
    with pytest.raises(SettingsMismatch, match="is a run on another dataset"):
        train.train(same, data, runs["gan_gray"])
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is no run directory"):
        train.train(same, data, tmp_path)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(
        runs, data_dir, tmp_path):
    run_dir = shutil.copytree(runs["convnet_gray"], tmp_path / "run")
    good = checkpoints.latest(run_dir)
    more = tiny("cpu/convnet_gray", "train.epochs=3")
    data = data_for(more, data_dir)
    training_batches = data.training
    data.training = lambda *place: training_batches(*place).map(
        lambda condition, color: (condition * np.nan, color))
    step = 2 * data.batches_per_epoch + 1
    with pytest.raises(NotFiniteError, match=f"batch {step}: loss is not finite.*{good.name}"):
        train.train(more, data, run_dir)
    assert checkpoints.latest(run_dir) == good


def test_a_validation_loss_that_is_not_finite_saves_nothing(data_dir, tmp_path):
    wanted = tiny("cpu/convnet_gray", "train.epochs=1")
    data = data_for(wanted, data_dir)
    batches = data.validation()
    data.validation = lambda _: batches.map(lambda condition, color: (condition, color * np.nan))
    with pytest.raises(NotFiniteError, match="val_loss is not finite"):
        train.train(wanted, data, tmp_path)
    assert not (tmp_path / "generator.keras").exists()
    assert checkpoints.latest(tmp_path) is None


def test_a_log_killed_before_it_removed_the_old_files_is_begun_again_without_repeats(tmp_path):
    log = tensorboard.EventLog(tmp_path)
    for step in range(1, 6):
        log.scalars(step, {"batch/loss": step / 2})
    log.close()
    old = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for _ in range(2):
        tensorboard.EventLog(tmp_path, lambda tag, step: step <= 3).close()
        for path, content in old.items():
            path.write_bytes(content)
    tensorboard.EventLog(tmp_path, lambda tag, step: step <= 3).close()
    assert tensorboard.read_scalars(tmp_path) == {"batch/loss": ([1, 2, 3], [0.5, 1.0, 1.5])}


def test_a_log_begun_many_times_in_a_second_is_read_in_its_order(tmp_path):
    steps = list(range(1, 13))  # the names of the files end in a count: 10 comes before 9
    for step in steps:
        log = tensorboard.EventLog(tmp_path)
        log.scalars(step, {"batch/loss": 0.5})
        log.close()
    assert tensorboard.read_scalars(tmp_path)["batch/loss"][0] == steps


def test_a_run_killed_while_its_directory_began_starts_afresh(runs, data_dir, tmp_path):
    wanted = tiny("cpu/convnet_gray", "train.epochs=1")
    data = data_for(wanted, data_dir)
    (tmp_path / ".run.123.partial.json").touch()
    run_directory.check(tmp_path, wanted, data.digest)
    shutil.copy(runs["convnet_gray"] / "run.json", tmp_path)
    assert train.train(wanted, data, tmp_path) is True


def test_a_damaged_run_is_named(runs, data_dir, tmp_path):
    wanted = tiny("cpu/convnet_gray", "train.epochs=3")
    data = data_for(wanted, data_dir)
    for name, content, message in (
            ("run.json", "{}", r"run\.json: is damaged \(.*dataset_digest.*\); train again"),
            ("config.toml", "[model", r"config\.toml: is damaged"),
            ("history.csv", "a,b\n1,2\n", r"history\.csv: is damaged"),
            ("checkpoints/step-*/model.weights.h5", "",
             r"step-00000010: cannot be restored \(\w+.*; remove it")):
        broken = shutil.copytree(runs["convnet_gray"], tmp_path / name.replace("/", "_"))
        for path in broken.glob(name):
            path.write_text(content)
        with pytest.raises(RunError, match=message):
            train.train(wanted, data, broken)


@pytest.mark.parametrize(("name", "problem"), [
    ("model.weights.h5", ": cannot be restored"), ("position.json", "/position.json: is damaged")])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_is_written_again(
        name, problem, runs, data_dir, tmp_path, capsys):
    run_dir = shutil.copytree(runs["convnet_gray"], tmp_path / "run")
    newest = checkpoints.latest(run_dir)
    (newest / name).write_bytes((newest / name).read_bytes()[:20])
    wanted = tiny("cpu/convnet_gray", "train.epochs=3")
    train.train(wanted, data_for(wanted, data_dir), run_dir)
    assert f"warning: {newest}{problem} (" in capsys.readouterr().err
    starts = run_directory.describe(run_dir)["starts"]
    steps = data_for(wanted, data_dir).batches_per_epoch
    assert [each["from_step"] for each in starts] == [0, steps]
    left = [path.name for path in (run_dir / "checkpoints").iterdir()]
    assert sorted(left) == [f"damaged-{newest.name}", newest.name, f"step-{3 * steps:08d}"]
    checkpoints.position_of(newest)
    assert scalars(run_dir)["epoch/loss"][0] == [1, 2, 3]


@pytest.mark.slow
def test_a_run_stopped_while_it_validates_ends_as_one_that_never_was(runs, data_dir, tmp_path):
    wanted = tiny("cpu/convnet_gray")
    data, validated = data_for(wanted, data_dir), []

    def stop_at_the_second(condition):
        validated.append(True)
        if len(validated) == 2:  # the first is drawn after every epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return condition

    batches = data.validation()
    assert len(batches) == 1
    data.validation = lambda _: batches.map(lambda condition, color: (
        tf.ensure_shape(tf.numpy_function(stop_at_the_second, [condition], tf.float32),
                        condition.shape), color))
    with pytest.raises(RunError, match=f"SIGTERM after batch {data.batches_per_epoch};"):
        train.train(wanted, data, tmp_path)
    assert checkpoints.latest(tmp_path).name.endswith("-unvalidated")
    assert not (tmp_path / "history.csv").exists()
    train.train(wanted, data_for(wanted, data_dir), tmp_path)
    _assert_equal_runs(runs["convnet_gray"], tmp_path)


def test_a_gradient_that_is_not_finite_stops_the_run_before_it_is_saved(data_dir, tmp_path):
    wanted = tiny("cpu/gan_gray", "loss.l1_weight=1e38", "train.checkpoint_steps=1")
    with pytest.raises(NotFiniteError, match=r"batch 1: g_gradient_norm is not finite.*none yet"):
        train.train(wanted, data_for(wanted, data_dir), tmp_path)
    assert checkpoints.latest(tmp_path) is None


def test_tensorboard_has_the_configuration_the_hyper_parameters_and_the_pictures(runs):
    train, validation = (EventAccumulator(str(runs["gan_gray"] / "tensorboard" / name))
                         for name in ("train", "validation"))
    train.Reload(), validation.Reload()
    text = train.Tensors("config")[0].tensor_proto.string_val[0].decode()
    assert text == f"```toml\n{config.dumps(tiny('cpu/gan_gray'))}\n```"
    said = HParamsPluginData.FromString(train.SummaryMetadata(
        "_hparams_/session_start_info").plugin_data.content).session_start_info.hparams
    assert said["optimizer.beta_1"].number_value == 0.5
    assert said["model.input"].string_value == "gray"
    shown = validation.Images("pictures")
    assert [each.step for each in shown] == [1, 2]
    drawn = media.read_picture(runs["gan_gray"] / "samples" / "epoch-0002.png")
    np.testing.assert_array_equal(media.decode_picture(shown[1].encoded_image_string), drawn)


def test_a_run_draws_its_losses_and_names_the_next_command(runs, data_dir, capsys):
    run_dir = runs["gan_gray"]
    assert media.read_picture(run_dir / "losses.png").shape == (2 * 360, 1000, 3)  # of D and of G
    overrides = [part for each in TINY for part in ("--set", each)]
    assert not cli.main(["train", "cpu/gan_gray", "--data", str(data_dir), "--out", str(run_dir),
                         *overrides])
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "keras-colorize", "evaluate", str(run_dir), "--data", str(data_dir), "--out", "REPORT_DIR"]


def test_a_run_can_start_from_the_networks_of_another(runs, data_dir, tmp_path):
    wanted = tiny("cpu/gan_gray", "optimizer.learning_rate=1e-30", "train.epochs=1")
    train.train(wanted, data_for(wanted, data_dir), tmp_path / "tuned",
                init_from=runs["gan_gray"])
    for load in (run_directory.load_generator, run_directory.load_discriminator):
        for one, other in zip(load(runs["gan_gray"]).trainable_weights,
                              load(tmp_path / "tuned").trainable_weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    with pytest.raises(SettingsMismatch, match="is a run with another --init-from"):
        train.train(wanted, data_for(wanted, data_dir), tmp_path / "tuned")
    source = shutil.copytree(runs["gan_gray"], tmp_path / "source" / "gan_gray")
    (source / "generator.keras").unlink()  # it was needed to begin, not to go on
    more = tiny("cpu/gan_gray", "optimizer.learning_rate=1e-30", "train.epochs=2")
    assert train.train(more, data_for(more, data_dir), tmp_path / "tuned", init_from=source)
    assert run_directory.describe(tmp_path / "tuned")["init_from"]["run"] == "gan_gray"
    with pytest.raises(SettingsMismatch, match="takes edge input, the new run gray; give a run on"):
        train.train(wanted, data_for(wanted, data_dir), tmp_path / "y", runs["gan_edge"])
    wide = tiny("cpu/gan_gray", "model.encoder=[8,8]")
    with pytest.raises(SettingsMismatch, match="its generator has another shape"):
        train.train(wide, data_for(wide, data_dir), tmp_path / "x", init_from=runs["gan_gray"])


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_norm_may_stay_as_another_run_has_it(frozen, runs, data_dir, tmp_path):
    wanted = tiny("cpu/gan_gray", "train.epochs=1",
                  f"model.normalization_frozen={str(frozen).lower()}")
    data = data_for(wanted, data_dir)
    if frozen:
        with pytest.raises(UsageError, match="normalization_frozen: is for a run that begins with"):
            train.train(wanted, data, tmp_path / "alone")
        assert not (tmp_path / "alone").exists()
    train.train(wanted, data, tmp_path / "tuned", runs["gan_gray"])
    before, after = (run_directory.load_generator(run) for run in (runs["gan_gray"],
                                                                   tmp_path / "tuned"))
    stays = [all(np.array_equal(*pair) for pair in
                 zip(one.get_weights(), other.get_weights(), strict=True))
             for one, other in zip(before.layers, after.layers, strict=True) if one.get_weights()
             and isinstance(one, keras.layers.BatchNormalization)]
    assert stays and all(stays) == any(stays) == frozen
    assert any(not np.array_equal(one, other) for one, other in
               zip(before.get_weights(), after.get_weights(), strict=True))
