"""Claims about `learn`: its steps, what it keeps of them, and what it says to wrong use."""

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import TINY, wait_for

from keras_colorize import cli, config, export, media
from keras_colorize.cli import learning_plan
from keras_colorize.colorize import series
from keras_colorize.config import SHIPPED_MODEL
from keras_colorize.data import build_workers
from keras_colorize.evaluation import evaluate, measure
from keras_colorize.files import write_json
from keras_colorize.training import run_directory, train

ROW = {"l1": 9.0, "l1_ci": [8, 10], "ciede2000": 5.0}


@pytest.fixture
def steps(monkeypatch):
    """The steps that compute for long, in place of which is written down what they were asked."""
    asked = []

    def trained(wanted, data, run_dir, init_from, watch):
        asked.append(("train", run_dir.name, wanted.train.epochs, init_from))
        plan = learning_plan.Plan.read(run_dir.parents[1])
        assert wanted.model.normalization_frozen == (plan.is_frozen and run_dir.name == "gray")
        shutil.copytree(SHIPPED_MODEL / ("printed" if run_dir.name == "printed" else ""), run_dir,
                        dirs_exist_ok=True)
        watch.on_epoch_begin(0)
        watch.on_train_batch_end(0)

    def measured(runs, data, report):
        asked.append(("evaluate", *(run.name for run in runs)))
        return {"rows": [{**ROW, "run": name, "model": name or "input"}
                         for name in ("gray", SHIPPED_MODEL.name, None)]}

    def exported(run, out, report_dir=None):
        asked.append(("export", run.name, report_dir and report_dir.name))
        out.mkdir(parents=True, exist_ok=True)
        (out / "README.md").write_text(f"{len(asked)}\n")

    class Painter:
        def colorize(condition, truth):
            return np.repeat(condition, 3, axis=3)

    monkeypatch.setattr(build_workers, "processes", ThreadPoolExecutor)
    for module, name, stands_for in (
            (train, "train", trained), (evaluate, "evaluate", measured),
            (export, "export", exported), (measure, "of_run", lambda name, run: Painter)):
        monkeypatch.setattr(module, name, stands_for)
    return asked


@pytest.fixture
def pages(tmp_path):
    """As many small pictures in colour as are needed, each a shot of its own."""
    patches = np.random.default_rng(0).integers(0, 256, (learning_plan.NEEDED, 4, 6, 3), np.uint8)
    for number, patch in enumerate(patches):
        media.write_picture(tmp_path / "series" / f"{number:02}.png", cv2.resize(patch, (192, 128)))
    return tmp_path / "series"


def test_a_lesson_starts_from_a_run_whose_generator_has_its_shape(tmp_path):
    lesson, run = learning_plan.LESSONS[0], tmp_path / "runs" / "gray"
    run.mkdir(parents=True)
    (run / "generator.keras").touch()
    for name, changes, fits in (("guided_gan", [], True),
                                ("guided_gray", ["model.upsampling=transposed"], True),
                                ("guided_gray", ["model.upsampling=resize"], False),
                                ("guided_gray", ["model.encoder=[16,32,64,128,128,64]"], False)):
        (run / "config.toml").write_text(config.dumps(config.load(f"cpu/{name}", changes)))
        assert (lesson.begin(config.load("cpu/guided_gray"), tmp_path) == run) == fits


def test_a_plan_of_an_earlier_version_goes_on_as_vivid_as_it_began(tmp_path):
    plan = learning_plan.choose([], 10).write(tmp_path)
    file = tmp_path / learning_plan.PLAN
    earlier = {name: value for name, value in json.loads(file.read_text()).items()
               if name != "colourfulness"}
    file.write_text(json.dumps(earlier))
    vivid = [learning_plan.LESSONS[0].configured(each, 1).model.colourfulness
             for each in (plan, learning_plan.Plan.read(tmp_path))]
    assert vivid == [learning_plan.VIVID, 0.8]


def test_the_steps_lead_to_a_model_and_the_same_command_goes_on(
        pages, steps, tmp_path, monkeypatch, capfd):
    out = tmp_path / "models" / "series"
    ships, wanted = run_directory.read_config(SHIPPED_MODEL / "printed"), config.load("cpu/manga")
    fits = (ships.model, ships.loss.objective) == (wanted.model, wanted.loss.objective)
    command = ["learn", str(pages), "--out", str(out), "--epochs", "2"]
    whole = {name: getattr(module, name) for module, name in ((evaluate, "evaluate"),
                                                             (export, "export"))}
    for module, name in ((evaluate, "evaluate"), (export, "export")):
        monkeypatch.setattr(module, name, interrupted)
        assert cli.main(command) == 1 and not out.exists()
        assert "interrupted; run the same command to continue" in capfd.readouterr().err
        monkeypatch.setattr(module, name, whole[name])
    steps.clear()
    assert cli.main(command) == 0
    assert steps == [("train", "gray", 2, SHIPPED_MODEL),
                     ("train", "printed", 2, SHIPPED_MODEL / "printed" if fits else None),
                     ("evaluate", "gray", SHIPPED_MODEL.name),
                     ("export", "gray", "report"), ("export", "printed", None)]
    shown = capfd.readouterr().out
    assert "40 pictures of 90x160, 2 epochs of gray pages, 2 epochs of printed pages" in shown
    assert "the shipped model: L1 9.00 [8.00, 10.00], CIEDE2000 5.00" in shown
    assert "it is no better than the gray page" in shown and "all the same:" in shown
    assert "an earlier round" not in shown
    assert shown.splitlines()[-1] == f"  keras-colorize colorize {out} VOLUME.cbz"
    assert "![Gray, coloured, and the truth](unseen.png)" in (out / "README.md").read_text()
    assert media.read_picture(out / "unseen.png").ndim == 3
    assert (out / "printed" / "README.md").is_file()
    first = out.with_name("series.learn") / "1" / "runs"
    learned = series.Learned((str(pages.absolute()),))
    assert series.read(out) == series.Series(learned)
    vivid = series.Taste(mood=2, saturation=1.5)
    write_project(out, vivid, run_directory.read_moods(first / "gray"))

    steps.clear()
    assert cli.main(command) == 0 and not steps
    assert "was learned already; more --minutes or other sources go on" in capfd.readouterr().out
    assert cli.main([*command[:-1], "5"]) == 0
    assert steps[0] == ("train", "gray", 5, SHIPPED_MODEL)  # the same run, longer
    assert series.read(out) == series.Series(learned, vivid, {"Sky": "#7cc0ea"})
    write_project(out, vivid, [])
    capfd.readouterr()

    shutil.copyfile(pages / "00.png", pages / "new.png")
    before = out.with_name("series.learn") / "before"
    out.rename(before)  # as a kill leaves it while a better model takes its place
    steps.clear()
    assert cli.main([each for each in command if each != str(pages)]) == 0
    said = capfd.readouterr().out
    assert "series.toml: its mood 2 is none of today's moods; choose one of those" in said
    assert series.read(out) == series.Series(learned, series.Taste(saturation=1.5),
                                             {"Sky": "#7cc0ea"})
    assert steps[:2] == [("train", "gray", 2, first / "gray"),
                         ("train", "printed", 2, first / "printed" if fits else None)]
    assert "an earlier round may have learned some of these pictures" in said
    assert sorted(path.name for path in out.parent.iterdir()) == ["series", "series.learn"]
    assert not before.exists()


def test_a_model_is_measured_on_the_sources_that_are_named(pages, steps, tmp_path, error_of,
                                                            capfd):
    other, out = tmp_path / "ep02", tmp_path / "model"
    other.mkdir()
    for name in ("x.png", "y.png"):
        shutil.copyfile(pages / "00.png", other / name)
    command = ["learn", str(pages), str(other), "--out", str(out), "--epochs", "1"]

    def tests_of(number):
        return json.loads((tmp_path / "model.learn" / number / "dataset" / "dataset.json")
                          .read_text())["counts"]["test"]

    assert cli.main([*command, "--test", str(other)]) == 0
    assert tests_of("1") == 2 and series.read(out).learned.test == ("ep02",)
    assert "on unseen sources" in capfd.readouterr().out
    steps.clear()
    for same in (command, ["learn", "--out", str(out), "--epochs", "1"],
                 [*command, "--test", "ep02", str(other)]):
        assert cli.main(same) == 0 and not steps
    assert cli.main([*command, "--test", "series"]) == 1  # so nothing is left to learn from
    assert "--test: does not suit these sources (the split by shot leaves" in capfd.readouterr().err
    shutil.copytree(other, tmp_path / "ep03")
    more = [*command[:3], str(tmp_path / "ep03"), *command[3:], "--test", "ep02", "ep03"]
    assert cli.main(more) == 0  # another round
    assert tests_of("2") == 4 and series.read(out).learned.test == ("ep02", "ep03")
    first, second, third = (tmp_path / "model.learn" / number for number in "123")
    plans = [learning_plan.Plan.read(folder) for folder in (first, second)]
    assert all(plan.is_frozen for plan in plans)
    replace(plans[1], is_frozen=False).write(second)  # statistics of these pages alone
    shutil.copytree(other, tmp_path / "ep05")
    assert cli.main([*more[:4], str(tmp_path / "ep05"), *more[4:], "ep05"]) == 0
    assert not learning_plan.Plan.read(third).is_frozen
    code, error = error_of(*command, "--test", "ep04")
    assert code == 2 and "--test ep04: is none of the sources; they are ep02, series" in error


def write_project(out, taste, moods):
    """Has a model's folder hold settings and a colour, as a user chose them, and moods."""
    series.write(out, replace(series.read(out), settings=taste, swatches={"Sky": "#7cc0ea"}))
    write_json(out / export.CARD, {"moods": moods})


def interrupted(*arguments, **settings):
    raise KeyboardInterrupt


def test_minutes_are_turned_into_epochs_by_what_a_batch_takes(pages, steps, tmp_path, monkeypatch,
                                                              error_of, capfd):
    took = {"gray": 30.0, "manga": 60.0}
    monkeypatch.setattr(learning_plan, "seconds_an_epoch",
                        lambda wanted, data: took[wanted.model.input])
    out = tmp_path / "model"
    code, error = error_of("learn", pages, "--out", out, "--minutes", "5")
    assert code == 2 and "is 5, too few for these pictures on this machine; give at least " in error
    least = int(re.search(r"at least (\d+)", error)[1])
    assert not steps and 7 <= least <= 10
    assert cli.main(["learn", str(pages), "--out", str(out), "--minutes", "60"]) == 0
    epochs = {name: count for step, name, count, *_ in steps if step == "train"}
    assert epochs["gray"] == pytest.approx(0.8 * 0.6 * 3600 / 30, abs=2)
    assert epochs["printed"] == pytest.approx(0.8 * 0.4 * 3600 / 60, abs=2)
    assert cli.main(["learn", str(pages), "--out", str(out), "--minutes", "90"]) == 0
    assert steps[5][2] > 1.3 * epochs["gray"]


def test_wrong_use_is_one_line(pages, steps, tmp_path, monkeypatch, error_of):
    (tmp_path / "empty").mkdir()
    code, error = error_of("learn", tmp_path / "empty", "--out", tmp_path / "a")
    assert code == 1 and "empty: holds no video and no picture" in error
    assert not (tmp_path / "a.learn").exists()
    for path in sorted(pages.iterdir())[30:]:
        path.unlink()
    code, error = error_of("learn", pages, "--out", tmp_path / "b")
    assert code == 1 and "give 30 pictures in colour, and learning needs 40; add epis" in error
    for path in sorted(pages.iterdir())[1:]:
        path.unlink()
    code, error = error_of("learn", pages, "--out", tmp_path / "c")
    assert code == 1 and "give too few shots or pages to hold some out" in error
    code, error = error_of("learn", pages, "--out", tmp_path / "series")
    assert code == 2 and "is within the input" in error
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").touch()
    code, error = error_of("learn", pages, "--out", tmp_path / "d")
    assert code == 2 and "d: exists, and d.learn, where it was learned, does not; name" in error
    code, error = error_of("learn", "--out", tmp_path / "b")
    assert code == 2 and "b/series.toml: names no episodes; name them after learn" in error
    plan = tmp_path / "b.learn" / "1" / "plan.json"
    plan.write_text(json.dumps({**json.loads(plan.read_text()), "schema": 2}))
    code, error = error_of("learn", pages, "--out", tmp_path / "b")
    assert code == 2 and "was begun by another version of this program (schema 2, not 1)" in error
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 10**6))
    code, error = error_of("learn", pages, "--out", tmp_path / "e")
    assert code == 1 and "e.learn: needs about 0.4 GB of disk space, 0.0 GB are free" in error
    assert not steps


SCRIPT = f"""
import sys
from dataclasses import replace
from keras_colorize import cli, import_tensorflow
import_tensorflow("tensorflow")
from keras_colorize.cli import learning_plan
from keras_colorize.colorize import series
tiny = {tuple(each for each in TINY if "discriminator" not in each)!r}
learning_plan.LESSONS = (replace(learning_plan.LESSONS[0], changes=tiny),)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_killed_command_ends_with_what_an_undisturbed_one_has(film, tmp_path):
    def begin(out):
        return subprocess.Popen([sys.executable, "-c", SCRIPT, "learn", str(film), "--epochs", "2",
                                 "--out", str(tmp_path / out / "series")],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    assert begin("undisturbed").wait() == 0
    for sign in ("1/plan.json", "1/dataset/dataset.json", "1/runs/gray/samples/epoch-0001.png",
                 "1/report/metrics.json", "1/model"):
        process = begin("killed")
        wait_for((tmp_path / "killed" / "series.learn" / sign).exists, process, seconds=600)
        process.kill()
        process.communicate()
    assert begin("killed").wait() == 0
    whole, other = (tmp_path / name for name in ("undisturbed", "killed"))
    for name in ("series/unseen.png", "series.learn/1/plan.json",
                 "series.learn/1/report/pictures.csv", "series.learn/1/report/pictures_gray.png"):
        assert (whole / name).read_bytes() == (other / name).read_bytes(), name
    weights = [run_directory.load_generator(path / "series.learn" / "1" / "runs" / "gray")
               for path in (whole, other)]
    for one, another in zip(*(each.get_weights() for each in weights), strict=True):
        np.testing.assert_array_equal(one, another)
