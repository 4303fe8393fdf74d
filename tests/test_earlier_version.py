"""What an earlier version made is still read, continued and used, with the same results."""

import json
import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_colorize import cli, media

ARCHIVE = Path(__file__).parent / "fixtures" / "made_by_0.1.tar.xz"


@pytest.fixture(scope="module")
def earlier(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def succeed(*arguments: object) -> None:
    assert cli.main(list(map(str, arguments))) == 0


def test_its_dataset_is_whole(earlier):
    succeed("inspect", earlier / "dataset")


def test_its_run_goes_on_in_mid_epoch_to_the_weights_that_it_would_have_had(earlier):
    run = earlier / "run"
    succeed("train", run / "config.toml", "--data", earlier / "dataset", "--out", run)
    starts = json.loads((run / "run.json").read_text())["starts"]
    assert [start["from_step"] for start in starts] == [0, 10]
    finished = np.load(earlier / "finished.npz")
    for name in ("generator", "discriminator"):
        weights = keras.models.load_model(run / f"{name}.keras", compile=False).get_weights()
        assert len(weights) == sum(key.startswith(name) for key in finished)
        for number, values in enumerate(weights):  # to the bit on the machine that made them
            np.testing.assert_allclose(values, finished[f"{name}_{number:03}"], 1e-3, 1e-5)
    report = earlier / "report"
    succeed("evaluate", run, "--data", earlier / "dataset", "--out", report)
    then, now = (json.loads((folder / "metrics.json").read_text())["rows"]
                 for folder in (earlier, report))
    assert [row["model"] for row in now] == [row["model"] for row in then]
    assert [row["l1"] for row in now] == pytest.approx([row["l1"] for row in then], rel=1e-3)
    succeed("export", run, "--out", earlier / "exported")


def test_its_savedmodel_gives_the_same_colours(earlier):
    succeed("colorize", earlier / "saved_model", earlier / "gray.png", "--out", earlier / "out")
    now, then = (media.read_picture(path).astype(int)
                 for path in (earlier / "out" / "gray.png", earlier / "colored.png"))
    assert np.abs(now - then).max() <= 1
