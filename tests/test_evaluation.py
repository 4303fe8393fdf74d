import json
import shutil

import numpy as np
import pytest
from test_builder import examples

from keras_colorize import baselines, evaluation, media, pixels, run_directory
from keras_colorize.errors import RunError, SettingsMismatch, UsageError


@pytest.fixture(scope="module")
def report_dir(runs, data_dir, tmp_path_factory):
    """A report on all four tiny runs."""
    out = tmp_path_factory.mktemp("report")
    evaluation.evaluate(list(runs.values()), data_dir, out)
    return out


def rows_of(report_dir):
    """The rows of metrics.json by (model, input)."""
    report = json.loads((report_dir / "metrics.json").read_text())
    return {(row["model"], row["input"]): row for row in report["rows"]}


def test_mean_colour_is_the_mean_of_each_gray_level_and_between_them():
    gray = np.array([[[[10], [10], [20]]]], np.uint8)
    color = np.array([[[[0, 0, 0], [100, 50, 0], [200, 0, 30]]]], np.uint8)
    of_gray = baselines.mean_colour([(gray, color)], "gray")
    answer = of_gray(np.array([[[[10], [15], [20], [255]]]], np.uint8), None)
    assert answer.tolist() == [[[[50, 25, 0], [125, 12, 15], [200, 0, 30], [200, 0, 30]]]]
    of_edges = baselines.mean_colour([(gray, color)], "edge")
    assert of_edges(gray, None).tolist() == [[[[100, 17, 10]] * 3]]


def test_every_table_has_the_baselines_beside_the_runs(report_dir, runs):
    rows = rows_of(report_dir)
    assert set(rows) == {(model, condition) for condition in ("gray", "edge")
                         for model in ("input", "mean_colour", "transfer", "scribbles", "convnet",
                                       "gan")}
    for (model, condition), row in rows.items():
        name = f"{model}_{condition}"
        assert row["run"] == (name if name in runs else None)
    table = (report_dir / "table1.md").read_text()
    assert table.count("\n| gray | GAN | gan_gray |") == 3
    assert f"{rows['gan', 'gray']['l1']:.2f}" in table


def test_distances_in_the_report_are_those_of_the_test_pictures(report_dir, runs, data_dir):
    rows = rows_of(report_dir)
    records = examples(data_dir, "test")
    truth = np.stack([media.decode_picture(each["color"].numpy()) for each in records])
    gray = np.stack([pixels.gray(picture) for picture in truth])[..., None]
    assert rows["input", "gray"]["l1"] == pytest.approx(np.abs(truth - gray.astype(float)).mean())
    generator = run_directory.load_generator(runs["gan_gray"])
    fake = generator.predict(gray / np.float32(127.5) - 1, verbose=0)
    colored = np.clip(np.rint((fake + 1) * 127.5), 0, 255)
    assert rows["gan", "gray"]["l2"] == pytest.approx(np.square(truth - colored).mean(), rel=1e-3)


def test_a_split_can_be_chosen(runs, data_dir, tmp_path):
    run = [runs["convnet_gray"]]
    values = {split: evaluation.evaluate(run, data_dir, tmp_path / split, split)
              for split in ("train", "all")}
    assert values["all"]["split"] == "all"
    assert values["train"]["rows"][0]["l1"] != values["all"]["rows"][0]["l1"]


def test_pictures_and_curves_are_drawn_for_every_run(report_dir, runs):
    assert {path.name for path in report_dir.iterdir()} == {
        "metrics.json", "table1.md", "pictures.csv", "pictures_gray.png", "pictures_edge.png",
        "convnet_gray_loss.png", "convnet_edge_loss.png",
        "gan_gray_d_loss.png", "gan_gray_g_loss.png", "gan_edge_d_loss.png", "gan_edge_g_loss.png"}
    grid = media.read_picture(report_dir / "pictures_gray.png")
    assert grid.shape[0] == 4 * (64 + 4)  # input, two runs, truth
    assert np.ptp(grid[:64, 140:].astype(int), axis=2).max() == 0  # the input is gray
    assert np.ptp(grid[-60:-4, 140:].astype(int), axis=2).max() > 50  # the truth is not


def test_a_finished_report_is_found_and_another_is_refused(report_dir, runs, data_dir):
    before = {path: path.stat().st_mtime_ns for path in report_dir.iterdir()}
    evaluation.evaluate(list(runs.values()), data_dir, report_dir)
    assert {path: path.stat().st_mtime_ns for path in report_dir.iterdir()} == before
    for run_dirs, split in (([runs["gan_gray"]], "test"), (list(runs.values()), "train")):
        with pytest.raises(SettingsMismatch, match="is a report on other runs"):
            evaluation.evaluate(run_dirs, data_dir, report_dir, split)


def test_what_cannot_be_evaluated_is_named(runs, data_dir, tmp_path):
    with pytest.raises(RunError, match="is no run directory"):
        evaluation.evaluate([tmp_path / "none"], data_dir, tmp_path / "out")
    twin = shutil.copytree(runs["gan_gray"], tmp_path / "gan_gray")
    with pytest.raises(UsageError, match="two runs have one name"):
        evaluation.evaluate([runs["gan_gray"], twin], data_dir, tmp_path / "out")
    (twin / "generator.keras").write_bytes(b"cut")
    with pytest.raises(RunError, match=r"generator\.keras: is damaged"):
        evaluation.evaluate([twin], data_dir, tmp_path / "out")
    (twin / "generator.keras").unlink()
    with pytest.raises(RunError, match=r"has no generator\.keras: no epoch was finished"):
        evaluation.evaluate([twin], data_dir, tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.json").exists()
