"""Several processes of one run: they train as one does, and none waits for one that is gone."""

import os
import signal
import socket

import numpy as np
import pytest
from conftest import wait_for
from test_devices import finish, losses_of, train

from keras_colorize.errors import UsageError
from keras_colorize.training import checkpoints, devices, run_directory, tensorboard

OVERRIDES = ("train.epochs=2", "train.checkpoint_steps=1", "augment.crop=0.8",
             "optimizer.learning_rate=2e-4")  # the paper's
LONG = ("train.epochs=1000", "train.checkpoint_steps=1")


def two_processes(data_dir, run_dir, *overrides):
    """Starts both processes of a run on JAX."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return [train(data_dir, run_dir, *overrides, KERAS_BACKEND="jax",
                  KERAS_DISTRIBUTION_JOB_ADDRESSES=f"localhost:{port}",
                  KERAS_DISTRIBUTION_NUM_PROCESSES="2", KERAS_DISTRIBUTION_PROCESS_ID=str(number))
            for number in range(2)]


@pytest.mark.slow
def test_two_processes_and_two_devices_train_as_one_does_and_the_first_reports(data_dir, tmp_path):
    finish(train(data_dir, tmp_path / "one", *OVERRIDES, KERAS_BACKEND="jax"))
    finish(train(data_dir, tmp_path / "devices", *OVERRIDES, KERAS_BACKEND="jax",
                 XLA_FLAGS="--xla_force_host_platform_device_count=2"))
    assert ", cpu (" in run_directory.describe(tmp_path / "devices")["device"]
    np.testing.assert_allclose(losses_of(tmp_path / "one"), losses_of(tmp_path / "devices"),
                               rtol=1e-4)
    first, second = map(finish, two_processes(data_dir, tmp_path / "two", *OVERRIDES))
    assert "look at the losses" in first
    assert "losses" not in second
    np.testing.assert_allclose(losses_of(tmp_path / "one"), losses_of(tmp_path / "two"), rtol=1e-4)


@pytest.mark.slow
def test_where_one_process_is_killed_the_other_ends_at_once_and_both_resume(data_dir, tmp_path):
    for killed in (1, 0):
        _assert_killing_one_ends_the_other(
            _after_another_checkpoint(data_dir, tmp_path), killed, tmp_path)
    processes = _after_another_checkpoint(data_dir, tmp_path)
    processes[1].send_signal(signal.SIGTERM)
    _assert_both_stopped_by_it(processes, 1, tmp_path)
    assert [each["from_step"] > 0
            for each in run_directory.describe(tmp_path)["starts"]] == [False, True, True]
    steps = tensorboard.read_scalars(tmp_path / "tensorboard" / "train")["batch/g_loss"][0]
    assert steps == list(range(1, steps[-1] + 1))


def _after_another_checkpoint(data_dir, run_dir):
    before = checkpoints.step_of(checkpoints.latest(run_dir))
    processes = two_processes(data_dir, run_dir, *LONG)
    wait_for(lambda: checkpoints.step_of(checkpoints.latest(run_dir)) > before, processes[0], 600)
    return processes


def _assert_killing_one_ends_the_other(processes, killed, run_dir):
    processes[killed].kill()
    processes[killed].communicate()
    survivor = processes[1 - killed]
    _, errors = survivor.communicate(timeout=60)
    assert "Traceback" not in errors
    if killed == 0 and survivor.returncode == -signal.SIGABRT:  # JAX was faster
        assert "JAX distributed service detected fatal errors. This most likely" in errors
    else:
        assert survivor.returncode == 1, errors
        assert (f"error: {run_dir}: another process of this run has gone; start all of them again "
                "to continue from the last checkpoint") in errors.splitlines()


def _assert_both_stopped_by_it(processes, signalled, run_dir):
    said = [process.communicate(timeout=120)[1].splitlines()[-1] for process in processes]
    assert [process.returncode for process in processes] == [1, 1]
    step = checkpoints.step_of(checkpoints.latest(run_dir))
    for number, line in enumerate(said):
        by = "SIGTERM" if number == signalled else "a signal to another process"
        assert line == (f"error: {run_dir}: stopped by {by} after batch {step}; run the same "
                        "command to continue")


@pytest.mark.slow
def test_what_the_first_process_cannot_prepare_ends_all_with_its_reason(data_dir, tmp_path):
    with run_directory.held(tmp_path):
        processes = two_processes(data_dir, tmp_path, *OVERRIDES)
        said = [process.communicate(timeout=90)[1].splitlines()[-1] for process in processes]
    reason = f"{tmp_path}: is being worked on by process {os.getpid()} on "
    assert said[0].startswith(f"error: {reason}")
    assert said[1].startswith(f"error: {tmp_path}: process 0 of this run cannot begin ({reason}")
    assert [process.returncode for process in processes] == [2, 1]


@pytest.mark.parametrize(("variable", "text", "message"), [
    (devices.PROCESSES, "", "is ''; set it to a whole number from 1 up"),
    (devices.PROCESSES, "two", "is 'two'; set it to a whole number"),
    (devices.PROCESSES, "0", "is '0'; set it to a whole number from 1 up"),
    (devices.PROCESSES, "2", "which Keras can do on JAX only; set KERAS_BACKEND=jax"),
    (devices.PROCESS, "-1", "is '-1'; set it to a whole number from 0 up"),
    (devices.PROCESS, "2", "is 2, of 2 processes; give each its own number from 0 to 1"),
    (devices.ADDRESSES, "", "is not set; set it to first.machine:port on all"),
])
def test_what_keras_is_told_of_processes_is_checked(variable, text, message, monkeypatch):
    for each, good in ((devices.PROCESSES, "2"), (devices.PROCESS, "1"),
                       (devices.ADDRESSES, "localhost:1")):
        monkeypatch.setenv(each, good)
    monkeypatch.setenv(variable, text)
    with pytest.raises(UsageError, match=message):
        devices.connect()
