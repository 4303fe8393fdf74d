import json
import shutil
import weakref

import numpy as np
import pytest
from conftest import examples

from keras_colorize import export, media
from keras_colorize.data.dataset import Dataset, Place
from keras_colorize.errors import RunError, SettingsMismatch, UsageError
from keras_colorize.evaluation import baselines, evaluate, measure
from keras_colorize.evaluation.measure import Examples
from keras_colorize.export import model_card
from keras_colorize.files import sha256_of
from keras_colorize.image import pixels
from keras_colorize.training import run_directory


@pytest.fixture(scope="module")
def report_dir(runs, data_dir, tmp_path_factory):
    """A report on all four tiny runs."""
    out = tmp_path_factory.mktemp("report")
    evaluate.evaluate(list(runs.values()), data_dir, out)
    return out


@pytest.fixture(scope="module")
def validation_dir(runs, data_dir, tmp_path_factory):
    """A report on one run and on the pictures of the validation split."""
    out = tmp_path_factory.mktemp("validation")
    evaluate.evaluate([runs["convnet_gray"]], data_dir, out, "validation")
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
                                       "gan", "chroma_gain")}
    for (model, condition), row in rows.items():
        name = f"{model}_{condition}"
        assert row["run"] == (name if name in runs else None)
        if model == "chroma_gain":  # as colourful as the GAN, at another distance than its ConvNet
            assert row["colourfulness"] == pytest.approx(rows["gan", condition]["colourfulness"],
                                                         rel=0.05)
            assert row["l1"] != rows["convnet", condition]["l1"]
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


def test_pictures_csv_holds_what_the_means_are_of(report_dir):
    measured = evaluate.tables.read_pictures(report_dir / "pictures.csv")
    for (model, condition), row in rows_of(report_dir).items():
        values, where = measured.pop((condition, model, row["run"] or ""))
        assert len(where) == np.count_nonzero(~np.isnan(values["l1"])) == row["pictures"]
        for name in ("l1", "ciede2000", "edge_bleed"):
            assert values[name].mean() == pytest.approx(row[name], rel=1e-4)
        assert {(place.source, place.frame % 20) for place in where} == {("episode.mp4", 0)}
    assert not measured


def test_scribbles_are_the_same_however_pictures_are_batched(data_dir):
    truth = np.stack([media.decode_picture(each["color"].numpy())
                      for each in examples(data_dir, "validation")])
    gray = np.stack([pixels.gray(picture) for picture in truth])[..., None]
    colorize = baselines.scribble("gray", 20)
    alone = [colorize(gray[row:row + 1], truth[row:row + 1])[0] for row in range(len(truth))]
    assert np.array_equal(colorize(gray, truth), alone)
    edges = baselines.scribble("edge", 3000)(gray, truth)  # as if the gray were an edge picture
    assert np.abs(edges.astype(float) - truth).mean() < 10


def test_successive_frames_of_a_shot_are_pairs_and_pages_are_not():
    where = [Place("film", 0, 40, 1.6), Place("pages", 0, 0, 0.0), Place("film", 0, 0, 0.0),
             Place("film", 1, 60, 2.4), Place("pages", 0, 1, 0.0), Place("film", 0, 20, 0.8)]
    assert measure._pairs(where) == [(2, 5), (5, 0)]


def test_a_report_of_an_earlier_version_is_made_anew(validation_dir, runs, data_dir, tmp_path):
    out = shutil.copytree(validation_dir, tmp_path / "old")
    report = json.loads((out / "metrics.json").read_text())
    (out / "metrics.json").write_text(json.dumps(
        {name: value for name, value in report.items() if name != "schema"} | {"rows": []}))
    assert evaluate.evaluate([runs["convnet_gray"]], data_dir, out, "validation") == report


def test_runs_on_another_dataset_are_named(runs, data_dir, tmp_path, capsys):
    run = shutil.copytree(runs["convnet_gray"], tmp_path / "stranger")
    described = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**described, "dataset_digest": "another"}))
    report = evaluate.evaluate([run, runs["convnet_gray"]], data_dir, tmp_path / "out")
    assert report["trained_elsewhere"] == ["stranger"]
    own = sha256_of(run / "generator.keras")
    assert model_card.measured(tmp_path / "out", own)[0]["elsewhere"]
    said = "stranger learned from another dataset"
    assert said in capsys.readouterr().out and said in (tmp_path / "out" / "table1.md").read_text()


def test_pictures_kept_for_flicker_hold_no_batch_in_memory(data_dir):
    seen = []

    def colorize(condition, truth):
        pictures = np.repeat(condition, 3, axis=3)
        seen.append(weakref.ref(pictures))
        return pictures

    examples_of_all = Examples(Dataset(data_dir, "gray", 4), "all")
    held = []

    class Watched:
        model, corrected = "watched", False

        @staticmethod
        def colorize(condition, truth):
            held.append(sum(each() is not None for each in seen))
            return colorize(condition, truth)

    values = measure.measure([Watched], examples_of_all)
    assert np.isfinite(values[0]["flicker"]).any() and max(held) <= 1


def test_a_split_can_be_chosen(report_dir, validation_dir):
    assert json.loads((validation_dir / "metrics.json").read_text())["split"] == "validation"
    for model in ("input", "convnet"):
        assert rows_of(report_dir)[model, "gray"]["l1"] != \
            rows_of(validation_dir)[model, "gray"]["l1"]


def test_pictures_and_curves_are_drawn_for_every_run(report_dir, runs):
    assert {path.name for path in report_dir.iterdir()} == {
        "metrics.json", "table1.md", "pictures.csv", "pictures_gray.png", "pictures_edge.png",
        "convnet_gray_loss.png", "convnet_edge_loss.png",
        "gan_gray_d_loss.png", "gan_gray_g_loss.png", "gan_edge_d_loss.png", "gan_edge_g_loss.png"}
    grid = media.read_picture(report_dir / "pictures_gray.png")
    assert grid.shape[0] == 4 * (64 + 4)  # input, two runs, truth
    assert np.ptp(grid[:64, 140:].astype(int), axis=2).max() == 0  # the input is gray
    assert np.ptp(grid[-60:-4, 140:].astype(int), axis=2).max() > 50  # the truth is not


def test_gray_input_can_be_redrawn_as_printed_manga(report_dir, runs, data_dir, tmp_path):
    evaluate.evaluate([runs["gan_gray"]], data_dir, tmp_path / "printed", screentone=True)
    printed, gray = rows_of(tmp_path / "printed"), rows_of(report_dir)
    assert printed["input", "gray"]["l1"] > 1.5 * gray["input", "gray"]["l1"]
    assert printed["gan", "gray"]["l1"] != gray["gan", "gray"]["l1"]
    again, other = (Examples(Dataset(data_dir, "gray", size), "test", True) for size in (2, 3))
    pages = [np.concatenate([condition for _, condition, _ in each.batches()])
             for each in (again, other)]
    assert np.array_equal(*pages)
    assert np.isin(pages[0], (0, 255)).mean() > 0.5  # ink and paper
    with pytest.raises(SettingsMismatch, match="is a report on other runs"):
        evaluate.evaluate([runs["gan_gray"]], data_dir, tmp_path / "printed")
    with pytest.raises(UsageError, match="takes edge input, which is not redrawn"):
        evaluate.evaluate(list(runs.values()), data_dir, tmp_path / "edge", screentone=True)


def test_a_finished_report_is_found_and_another_is_refused(report_dir, runs, data_dir):
    before = {path: path.stat().st_mtime_ns for path in report_dir.iterdir()}
    evaluate.evaluate(list(runs.values()), data_dir, report_dir)
    assert {path: path.stat().st_mtime_ns for path in report_dir.iterdir()} == before
    for run_dirs, split in (([runs["gan_gray"]], "test"), (list(runs.values()), "train")):
        with pytest.raises(SettingsMismatch, match="is a report on other runs"):
            evaluate.evaluate(run_dirs, data_dir, report_dir, split)


def test_what_cannot_be_evaluated_is_named(runs, data_dir, tmp_path):
    with pytest.raises(RunError, match="is no run directory"):
        evaluate.evaluate([tmp_path / "none"], data_dir, tmp_path / "out")
    twin = shutil.copytree(runs["gan_gray"], tmp_path / "gan_gray")
    with pytest.raises(UsageError, match="two runs have one name"):
        evaluate.evaluate([runs["gan_gray"], twin], data_dir, tmp_path / "out")
    (twin / "generator.keras").write_bytes(b"cut")
    with pytest.raises(RunError, match=r"generator\.keras: is damaged"):
        evaluate.evaluate([twin], data_dir, tmp_path / "out")
    (twin / "generator.keras").unlink()
    with pytest.raises(RunError, match=r"has no generator\.keras: no epoch was finished"):
        evaluate.evaluate([twin], data_dir, tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_its_table_goes_into_the_card_of_the_model_that_it_is_on(report_dir, runs, tmp_path):
    assert export.export(runs["convnet_edge"], tmp_path / "model", "onnx", report_dir)
    read = (tmp_path / "model" / "README.md").read_text()
    card = json.loads((tmp_path / "model" / "keras_colorize.json").read_text())
    rows = rows_of(report_dir)
    for model in ("convnet", "mean_colour"):
        assert rows[model, "edge"] in [{name: value for name, value in row.items()
                                        if name not in ("split", "screentone", "elsewhere")}
                                       for row in card["metrics"]]
        assert f"| {rows[model, 'edge']['l1']:.2f}" in read
    assert {row["run"] for row in card["metrics"]} == {"convnet_edge", None}
    assert {row["input"] for row in card["metrics"]} == {"edge"}
    with pytest.raises(UsageError, match="is not on this generator"):
        model_card.measured(report_dir, "another")
    with pytest.raises(UsageError, match="is missing; give --report a folder that evaluate wrote"):
        model_card.measured(tmp_path, "another")
