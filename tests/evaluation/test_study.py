"""Claims about the study of real runs: its parts, its page, and the page in a browser."""

import base64
import json
import shutil

import cv2
import numpy as np
import pytest
from conftest import data_for, tiny
from web_pages import WebPage

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.cartoon.drawing import caption_mask
from keras_colorize.data.sources import find
from keras_colorize.evaluation import failures, hint_curve, statistics, tables, unseen
from keras_colorize.evaluation.measure import Candidate, Examples
from keras_colorize.evaluation.study import rank, study
from keras_colorize.image import line_lock


@pytest.fixture(scope="module")
def run_dirs(runs, tmp_path_factory):
    """The four tiny runs, and a second seed of one."""
    again = tmp_path_factory.mktemp("again") / "gan_gray_1"
    shutil.copytree(runs["gan_gray"], again)
    config = (again / "config.toml").read_text()
    assert "seed = 0" in config
    (again / "config.toml").write_text(config.replace("seed = 0", "seed = 1"))
    return [*runs.values(), again]


@pytest.fixture(scope="module")
def other_series(tmp_path_factory):
    """A folder of three pictures in colour and one in gray."""
    folder = tmp_path_factory.mktemp("other")
    for number, index in enumerate((1500, 1600, 1700)):
        media.write_picture(folder / f"{number}.png", episode.draw_frame(index)[:, ::-1])
    gray = np.repeat(episode.draw_frame(1800).mean(axis=2, keepdims=True).astype(np.uint8), 3, 2)
    media.write_picture(folder / "gray.png", gray)
    return folder


@pytest.fixture(scope="module")
def studied(run_dirs, data_dir, other_series, tmp_path_factory):
    """The report directory of a study, and what study.json says."""
    out = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hint_curve, "PICTURES", 2)  # these take most of a study's time
        patch.setattr(hint_curve, "COUNTS", (1, 30, 1000))
        patch.setattr(hint_curve, "PLACEMENTS", 2)
        patch.setattr(statistics, "RESAMPLES", 200)
        patch.setattr(failures, "FRAMES", 8)
        result = study(run_dirs, data_dir, out, "all", [other_series])
    assert result == json.loads((out / "study.json").read_text())
    return out, result


def test_the_page_is_whole_in_itself(studied):
    page = WebPage((studied[0] / "report.html").read_text())
    page.check_whole()
    assert len(page.pictures) > 60
    for source in page.pictures:
        assert min(media.picture_of(base64.b64decode(source), "page").shape[:2]) >= 64


def test_every_part_is_there_as_a_file_too(studied):
    names = {path.name for path in studied[0].iterdir()}
    assert names >= {"report.html", "study.json", "study.md", "metrics.json", "table1.md",
                     "pictures.csv", "hints_gray.png", "hints_edge.png", "ranked_gray.png",
                     "ranked_edge.png", "failures_size.png", "gan_gray_g_loss.png"}


def test_every_figure_has_its_interval_over_shots(studied):
    report = json.loads((studied[0] / "metrics.json").read_text())
    gray = [row for row in report["rows"] if row["input"] == "gray"]
    for row in gray:
        assert row["shots"] > 5 and row["pictures"] > row["shots"]
        for name in ("l1", "l2", "psnr", "ssim", "chroma_l1", "ciede2000", "ciede2000_p95",
                     "colourfulness", "colourfulness_ratio", "edge_bleed", "flicker"):
            low, high = row[f"{name}_ci"]
            assert low <= row[name] <= high
    rows = {row["model"]: row for row in gray}
    assert rows["input"]["colourfulness"] == rows["input"]["flicker"] == 0
    assert rows["scribbles"]["l1"] < 0.6 * rows["input"]["l1"]
    assert rows["transfer"]["l1"] < 0.5 * rows["input"]["l1"]  # its reference is the picture itself
    assert rows["scribbles"]["flicker"] > 0


def test_runs_of_other_seeds_are_one_row_and_are_compared(studied):
    _, result = studied
    labels = {(row["run"], row["input"]): row["seeds"] for row in result["rows"] if row["run"]}
    assert labels == {("gan_gray", "gray"): [0, 1], ("convnet_gray", "gray"): [0],
                      ("gan_edge", "edge"): [0], ("convnet_edge", "edge"): [0]}
    pairs = {(each["one"], each["other"]) for each in result["comparisons"]
             if each["figure"] == "edge_bleed"}
    assert pairs == {("gan_gray", "convnet_gray"), ("gan_edge", "convnet_edge"),
                     ("gan_gray", "gan_edge"), ("convnet_gray", "convnet_edge")}
    beside = {(each["one"], *each["models"][1:], *each["inputs"]) for each in result["comparisons"]
              if each["models"][1] in statistics.BASELINES}
    assert beside == {(f"{model}_{condition}", baseline, condition, condition)
                      for model in ("gan", "convnet") for condition in ("gray", "edge")
                      for baseline in statistics.BASELINES}


def test_a_repeated_seed_stands_alone(studied, run_dirs):
    pictures = tables.read_pictures(studied[0] / "pictures.csv")
    pictures["gray", "gan", "gan_gray_again"] = pictures["gray", "gan", "gan_gray"]
    places = {path.name: path for path in run_dirs}
    groups = statistics.group_runs(places | {"gan_gray_again": places["gan_gray"]}, pictures)
    assert {group.label: sorted(group.seeds) for group in groups
            if group.seeds and group.model == "gan" and group.input == "gray"} == \
        {"gan_gray": [0, 1], "gan_gray_again": [0]}


def test_failures_are_measured_for_every_run_of_the_drawn_episode(studied):
    _, result = studied
    assert set(result["failures"]) == {"gan_gray", "convnet_gray", "gan_edge", "convnet_edge"}
    for found in result["failures"].values():
        assert found["frames"] == found["black"]["seen"] > found["black"]["shots"] > 1
        assert sum(found["hair"][name] for name in ("own", "other", "neither")) == pytest.approx(1)
        for key, names in (("hair", ("other",)), ("black", ("1", "0.5", "0.25", "0")),
                           ("caption", ("beside_more", "elsewhere_more")),
                           ("size", ("correlation", "correlation_within"))):
            for name in names:
                low, high = found[key][f"{name}_ci"]
                assert low - 1e-9 <= found[key][name] <= high + 1e-9
        caption = found["caption"]
        assert caption["beside_more"] == pytest.approx(caption["beside_with"]
                                                       - caption["beside_without"])


def test_runs_of_a_group_are_averaged_before_shots_are_resampled(data_dir):
    examples = Examples(data_for(tiny("cpu/gan_gray"), data_dir), "test")

    def run(shade):
        return Candidate("run", "gan", "gray", lambda condition, truth: np.full_like(truth, shade))

    dark, light = map(run, (0, 200))
    found = failures.measure(examples, {"dark": [dark], "light": [light], "both": [dark, light]})
    assert found["both"]["black"]["0"] == pytest.approx(100)
    for name in ("1", "0.5", "0"):
        assert found["both"]["black"][name] == pytest.approx(
            (found["dark"]["black"][name] + found["light"]["black"][name]) / 2)


def test_size_counts_within_characters_where_the_large_ones_are_easy(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 200)
    found = [{"shot": step, "name": name, "share": share + step / 64, "error": error + step}
             for step in range(6)
             for name, share, error in (("small", 0.125, 50), ("large", 0.5, 10))]
    report = failures._size_report(found)
    assert report["correlation"] < 0 < report["correlation_within"] == pytest.approx(1)
    assert report["correlation_within_ci"][0] > 0.9


def test_pictures_of_other_series_are_judged_with_and_without_a_truth(studied):
    found = studied[1]["unseen"]
    assert found["pictures"] == 4 and len(found["models"]) == 4
    for each in found["models"].values():
        assert 0 <= each["stray"] <= 1 and 0 <= each["off_palette"] <= 1
        assert each["l1"] > 0 and each["shots"] == 4 and each["l1_ci"] is None


def test_the_truth_has_no_error_and_the_gray_picture_its_own(data_dir, other_series):
    data = data_for(tiny("cpu/gan_gray"), data_dir)
    examples = unseen.gather(find([other_series])[0], data)
    many = [{**each, "shot": shot} for shot in range(6) for each in examples]
    everything = np.ones((unseen.BINS, unseen.BINS))
    truth = unseen.judge([each["color"] for each in many], many, everything)
    gray = unseen.judge([np.dstack([each["gray"]] * 3) for each in many], many, everything)
    assert truth["l1_of_gray"] == 0 and truth["off_palette"] == 0 < truth["colourfulness"]
    assert gray["l1_of_gray"] == pytest.approx(1) and gray["colourfulness"] == 0
    assert gray["l1_ci"] == pytest.approx([gray["l1"]] * 2)  # all six shots are alike
    assert gray["l1_of_gray_ci"] == pytest.approx([1, 1])


def test_a_finished_study_is_found_and_another_is_refused(studied, run_dirs, data_dir,
                                                          other_series, error_of):
    out, result = studied
    before = (out / "report.html").stat().st_mtime_ns
    assert study(run_dirs, data_dir, out, "all", [other_series]) == result
    assert (out / "report.html").stat().st_mtime_ns == before
    same = ("evaluate", *run_dirs, "--data", data_dir, "--out", out, "--split", "all")
    code, error = error_of(*same, "--study")
    assert code == 2 and "other unseen sources" in error
    code, error = error_of(*same, "--unseen", other_series)
    assert code == 2 and "belongs to a study" in error
    code, error = error_of(*same, "--study", "--unseen", out / "nothing")
    assert code == 1 and "does not exist" in error


def test_ranked_pictures_are_the_best_the_median_and_the_worst(studied, run_dirs):
    pictures = tables.read_pictures(studied[0] / "pictures.csv")
    groups = [group for group in statistics.group_runs({path.name: path for path in run_dirs},
                                                       pictures) if group.input == "gray"]
    picked = dict(rank(groups))
    errors = np.mean([group.values["l1"] for group in groups if group.seeds], axis=0)
    assert errors[picked["best"]] == errors.min()
    if "worst" in picked:
        shots = [groups[0].where[number][:2] for number in picked.values()]
        assert len(set(shots)) == len(shots)


def test_the_truth_shows_no_failure_and_swapped_hair_is_seen(data_dir):
    data = data_for(tiny("cpu/gan_gray"), data_dir)
    examples = Examples(data, "train")
    assert failures.is_drawn(examples)
    frames = [place.frame for place in examples.places() if episode.brightness_of(place.frame) == 1]
    swapped = {}
    for frame in frames:
        shown = failures._example(data, episode.draw_frame(frame))
        masks = {name: failures._fit(data, mask)
                 for name, mask in episode.part_masks(frame).items()}
        for each in failures._hair(shown["color"], masks):
            assert each["own"] > 0.8 and each["other"] < 0.02
        picture = shown["color"].copy()
        for name, other in (failures.TWINS, failures.TWINS[::-1]):
            if f"{name}.hair" in masks:
                picture[masks[f"{name}.hair"]] = episode.PALETTES[other]["hair"]
        for each in failures._hair(picture, masks):
            swapped[each["name"]] = each["other"]
        characters = {name: failures._fit(data, mask)
                      for name, mask in episode.character_masks(frame).items()}
        assert all(each["error"] == 0 for each in failures._sizes(shown["color"], shown["color"],
                                                                  characters))
    assert swapped == {"rosa": 1, "indigo": 1}


def test_a_caption_and_darkness_change_what_they_should():
    plain, captioned = episode.restage(60), episode.restage(60, "To be continued")
    changed = cv2.absdiff(plain, captioned).max(axis=2) > 2
    assert changed.any() and not (changed & ~caption_mask("To be continued")).any()
    assert np.array_equal(plain, episode.draw_frame(60)) and episode.brightness_of(60) == 1
    assert not episode.restage(60, brightness=0).any()
    assert np.array_equal(episode.draw_frame(0), episode.restage(0, episode.SHOTS[0].caption))


def test_colour_within_lines_is_not_stray_and_patches_are():
    gray = np.full((64, 96), 60, np.uint8)
    gray[:, 48:] = 220
    chroma = np.zeros((64, 96, 2), np.float32)
    chroma[:, 48:] = 30
    assert unseen._stray(line_lock.join(gray, chroma), gray) == 0
    chroma[20:40, 10:30] = 60
    assert unseen._stray(line_lock.join(gray, chroma), gray) > 0.3


def test_a_browser_shows_every_picture_on_a_phone_without_an_error(studied, tmp_path):
    WebPage((studied[0] / "report.html").read_text()).check_in_browser(tmp_path)
