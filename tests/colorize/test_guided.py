"""Hints within a network: from a stroke to a page, in Python and in the exported graph."""

import functools
import shutil
import zipfile

import cv2
import numpy as np
import pytest
import tensorflow as tf
from conftest import data_for, tiny

from keras_colorize import colorize, export, media, models
from keras_colorize.cartoon import episode
from keras_colorize.colorize import references as reading
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.evaluation import baselines, evaluate, measure
from keras_colorize.image import line_lock, metrics, moods, pixels
from keras_colorize.training import checkpoints, run_directory, train
from keras_colorize.training.saturation import Saturation

RED, BLUE = (140, 100, 105), (90, 100, 140)  # every luminance of the page has room for both


@pytest.fixture(scope="module")
def run_dir(data_dir, tmp_path_factory):
    """A tiny run that learned with hints from its second epoch on."""
    folder = tmp_path_factory.mktemp("guided") / "run"
    config = tiny("cpu/guided_gray", "augment.first_hints=1", "model.colourfulness=0.8",
                  "model.encoder=[4,4,4]", "model.decoder=[4,4,4]")
    train.train(config, data_for(config, data_dir), folder)
    shade = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    run_directory.write_moods(folder, np.stack([moods.of_picture(line_lock.join(
        shade, np.broadcast_to(pixels.chroma(np.uint8([[color]])), (8, 256, 2))))
        for color in (RED, BLUE)]))
    return folder


@pytest.fixture(scope="module")
def saved(run_dir):
    export.export(run_dir, run_dir.with_name("saved"))
    return run_dir.with_name("saved")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A gray page of soft shades, and hints: a red stroke above, a blue one below."""
    folder = tmp_path_factory.mktemp("page")
    shade = np.random.default_rng(0).integers(60, 200, (5, 7)).astype(np.uint8)
    media.write_picture(folder / "page.png", cv2.resize(shade, (192, 128)))
    strokes = np.zeros((128, 192, 4), np.uint8)
    strokes[20:30, 30:90] = (*RED, 255)
    strokes[90:100, 90:150] = (*BLUE, 255)
    cv2.imwrite(str(folder / "hints.png"), cv2.cvtColor(strokes, cv2.COLOR_RGBA2BGRA))
    return folder


@functools.cache
def models_of(path):
    """What a run or SavedModel colours with, loaded once."""
    return colorize.Models(colorize.Model.load(path))


def colored(model, page, out, **settings):
    colorize.colorize(models_of(model), [page / "page.png"], out, colorize.Settings(**settings))
    return media.read_picture(out / "page.png")


def test_a_stroke_keeps_its_chroma_and_the_page_its_luminance(saved, page, tmp_path):
    picture = colored(saved, page, tmp_path / "out", hints=page / "hints.png")
    before = media.read_picture(page / "page.png")
    assert np.abs(pixels.gray(picture).astype(int) - pixels.gray(before)).max() <= 1
    for color, place in ((RED, np.s_[22:28, 34:86]), (BLUE, np.s_[92:98, 94:146])):
        wanted = pixels.chroma(np.uint8([[color]]))
        assert np.abs(pixels.chroma(picture[place]) - wanted).max() <= 3


def test_a_stroke_fills_what_is_flat_around_it_up_to_the_lines(saved, tmp_path):
    page, strokes = np.full((128, 192), 120, np.uint8), np.zeros((128, 192, 4), np.uint8)
    page[:, 95:97] = page[60:62, :95] = 0  # three surfaces; on the right one lie two strokes
    strokes[10:16, 10:16] = strokes[100:106, 180:186] = (*RED, 255)
    strokes[10:16, 180:186] = (*BLUE, 255)
    media.write_picture(tmp_path / "page.png", page)
    cv2.imwrite(str(tmp_path / "hints.png"), cv2.cvtColor(strokes, cv2.COLOR_RGBA2BGRA))
    chroma = pixels.chroma(colored(saved, tmp_path, tmp_path / "out",
                                   hints=tmp_path / "hints.png"))
    from_red = np.abs(chroma - pixels.chroma(np.uint8([[RED]]))).max(axis=2)
    assert from_red[4:56, 4:90].max() <= 4  # wholly, and far from the stroke
    assert from_red[70:120, 4:90].mean() > 10  # but not beyond the line
    top, middle, bottom = (chroma[rows, 120:].mean((0, 1)) for rows in (
        np.s_[20:30], np.s_[50:75], np.s_[90:98]))
    assert top[1] > middle[1] > bottom[1] and top[0] < middle[0] < bottom[0]  # it changes gently


def test_hints_change_what_the_network_paints_beside_them(saved, page, tmp_path):
    alone = colored(saved, page, tmp_path / "alone")
    told = colored(saved, page, tmp_path / "told", hints=page / "hints.png")
    beside = np.s_[32:36, 30:90]
    assert np.abs(alone[beside].astype(int) - told[beside]).mean() > 2


def test_hints_change_nothing_in_panels_that_hold_none(saved, page, tmp_path):
    one, strokes = media.read_picture(page / "page.png"), np.zeros((256, 192, 4), np.uint8)
    both = np.vstack([one, one])
    both[:6] = both[-6:] = both[124:132] = both[:, :6] = both[:, -6:] = 255
    strokes[20:60, 30:90] = (*RED, 255)
    media.write_picture(tmp_path / "page.png", both)
    cv2.imwrite(str(tmp_path / "hints.png"), cv2.cvtColor(strokes, cv2.COLOR_RGBA2BGRA))
    for given in ({}, {"mood": "2"}):
        alone = colored(saved, tmp_path, tmp_path / f"alone{len(given)}", **given)
        told = colored(saved, tmp_path, tmp_path / f"told{len(given)}", **given,
                       hints=tmp_path / "hints.png")
        assert np.abs(alone[:124].astype(int) - told[:124]).mean() > 2
        np.testing.assert_array_equal(alone[140:], told[140:])


def test_a_mood_gives_a_page_its_light_and_strokes_come_first(run_dir, saved, page, tmp_path):
    red, blue, both = (colored(saved, page, tmp_path / name, **given) for name, given in (
        ("1", {"mood": "1"}), ("2", {"mood": "2"}),
        ("both", {"mood": "1", "hints": page / "hints.png"})))
    warmer = pixels.chroma(red) - pixels.chroma(blue)
    assert warmer[..., 0].mean() > 1 and warmer[..., 1].mean() < -1
    stroke = pixels.chroma(both[92:98, 94:146]) - pixels.chroma(np.uint8([[BLUE]]))
    assert np.abs(stroke).max() <= 3
    np.testing.assert_allclose(colored(run_dir, page, tmp_path / "run", mood="1"), red, atol=1)
    media.write_picture(tmp_path / "light.png", red)
    again = colored(saved, page, tmp_path / "again", mood=str(tmp_path / "light.png")).astype(int)
    assert np.abs(again - red).mean() < np.abs(again - blue).mean()
    with pytest.raises(UsageError, match=r"3 is none of the moods of .*, which has 2"):
        colored(saved, page, tmp_path / "none", mood="3")
    with pytest.raises(UsageError, match="--mood: dusk is neither a mood's number nor a pic"):
        colored(saved, page, tmp_path / "none", mood="dusk")
    with pytest.raises(SourceError, match=r"page\.png: is gray all over, so it tells no mood"):
        colored(saved, page, tmp_path / "none", mood=str(page / "page.png"))


def surfaces(left, right):
    """A picture of 128x192 with a flat surface left and one right."""
    picture = np.empty((128, 192, np.size(left)), np.uint8)
    picture[:, :96], picture[:, 96:] = left, right
    return picture.squeeze()


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    """A gray page of two surfaces, `page.png`, and coloured ones by name: folders, and a comic."""
    folder = tmp_path_factory.mktemp("references")
    media.write_picture(folder / "page.png", surfaces(90, 150))
    light = surfaces(90, 150)
    for name, colors in (("warm", (RED, BLUE)), ("cold", (BLUE, RED))):
        (folder / name).mkdir()
        chroma = pixels.chroma(surfaces(*colors))
        chroma[120:] = np.resize([(30, -20), (-20, 30), (-25, -25)], (8, 192, 2))  # many hues
        media.write_picture(folder / name / "cover.png", line_lock.join(light, chroma))
        media.write_picture(folder / name / "gray.png", light)
        (folder / name / "notes.txt").write_text("kept, and no picture")
    with zipfile.ZipFile(folder / "warm.cbz", "w") as archive:
        for path in sorted((folder / "warm").glob("*.png")):
            archive.write(path, path.name)
    return folder


def test_a_coloured_page_tells_a_gray_one_what_colour_things_have(run_dir, saved, references,
                                                                  tmp_path):
    warm, cold = (colored(saved, references, tmp_path / name, reference=(references / name,))
                  for name in ("warm", "cold"))
    differ = pixels.chroma(warm) - pixels.chroma(cold)
    left, right = differ[:, 10:80].mean((0, 1)), differ[:, -80:-10].mean((0, 1))
    assert left[0] > 5 and left[1] < -5 and right[0] < -5 and right[1] > 5
    np.testing.assert_allclose(pixels.gray(warm), surfaces(90, 150), atol=1)
    again = [(run_dir, references / "warm"), (saved, references / "warm.cbz"),
             (saved, references / "warm" / "cover.png")]
    for number, (model, place) in enumerate(again):
        same = colored(model, references, tmp_path / f"same{number}", reference=(place,))
        np.testing.assert_allclose(same, warm, atol=1)
    strokes = np.zeros((128, 192, 4), np.uint8)
    strokes[40:60, 20:60] = (*BLUE, 255)
    cv2.imwrite(str(tmp_path / "hints.png"), cv2.cvtColor(strokes, cv2.COLOR_RGBA2BGRA))
    both = colored(saved, references, tmp_path / "both", reference=(references / "warm",),
                   hints=tmp_path / "hints.png")
    drawn = pixels.chroma(both[42:58, 22:58]) - pixels.chroma(np.uint8([[BLUE]]))
    assert np.abs(drawn).max() <= 3


def test_a_film_is_a_reference_too(saved, page, tmp_path):
    episode.write_video(tmp_path / "film.mp4", slice(0, 12))
    told = colored(saved, page, tmp_path / "told", reference=(tmp_path / "film.mp4",))
    assert np.abs(told.astype(int) - colored(saved, page, tmp_path / "untold")).mean() > 1


def test_references_of_no_use_are_told_of_before_anything_is_coloured(saved, runs, references,
                                                                      tmp_path):
    def refused(place, model=saved):
        with pytest.raises((UsageError, SourceError)) as caught:
            colored(model, references, tmp_path / "none", reference=(place,))
        assert not (tmp_path / "none").exists()
        return str(caught.value)

    assert "dusk does not exist" in refused(tmp_path / "dusk")
    (tmp_path / "empty").mkdir()
    assert "empty holds no picture, comic or film" in refused(tmp_path / "empty")
    assert "gray.png holds nothing in colour" in refused(references / "warm" / "gray.png")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.png").write_bytes(b"\x89PNG, and no more")
    assert f"{tmp_path / 'bad' / 'bad.png'}: " in refused(tmp_path / "bad")
    assert "takes no hints, and so no reference" in refused(references / "warm",
                                                            runs["convnet_gray"])
    with pytest.raises(UsageError, match=r"warm/out: lies in .*warm, whose pictures are the refer"):
        colored(saved, references, references / "warm" / "out", reference=(references / "warm",))


def test_of_many_pictures_some_are_read_evenly_spaced_over_all_files(references, tmp_path,
                                                                     monkeypatch):
    with zipfile.ZipFile(tmp_path / "book.cbz", "w") as archive:
        for number in range(7):
            archive.writestr(f"{number}.png", media.encode_picture(
                np.full((8, 8), 10 * number, np.uint8)))
    media.write_picture(tmp_path / "one.png", np.full((8, 8), 200, np.uint8))

    def chosen(most):
        monkeypatch.setattr(reading, "MOST_READ", most)
        return [int(picture[0, 0, 0]) for picture in
                reading._chosen([tmp_path / "book.cbz", tmp_path / "one.png"])]

    every = [0, 10, 20, 30, 40, 50, 60, 200]
    assert chosen(8) == chosen(64) == every
    assert chosen(4) == [0, 20, 50, 200] and len(chosen(7)) == 7
    episode.write_video(tmp_path / "film.mp4", slice(0, 40))
    assert len(list(reading._chosen([tmp_path / "film.mp4", tmp_path / "one.png"]))) > 1
    (tmp_path / "film.mp4").write_bytes(b"no film")
    with pytest.raises(SourceError, match=r"film\.mp4: holds no frame that can be read"):
        list(reading._chosen([tmp_path / "film.mp4"]))


def test_a_job_says_which_references_told_nothing_and_goes_on_with_the_same_alone(
        saved, references, tmp_path):
    pictures = shutil.copytree(references / "warm", tmp_path / "warm")
    settings = colorize.Settings(reference=(pictures,))

    def run():
        return colorize.colorize(models_of(saved), [references / "page.png"], tmp_path / "out",
                                 settings)

    assert any("of 2 references 1 have no colour" in line for line in run().lines(tmp_path))
    assert run().found_done == 1
    shutil.copy(references / "cold" / "cover.png", pictures / "more.png")
    with pytest.raises(UsageError, match="was coloured with other settings \\(reference was"):
        run()


def test_hints_of_another_shape_than_the_page_are_told_of(saved, page, tmp_path):
    strokes = cv2.imread(str(page / "hints.png"), cv2.IMREAD_UNCHANGED)
    for name, drawn, is_told in (("half", cv2.resize(strokes, (96, 64)), False),
                                 ("square", cv2.resize(strokes, (128, 128)), True)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), drawn)
        report = colorize.colorize(models_of(saved), [page / "page.png"], tmp_path / name,
                                   colorize.Settings(hints=tmp_path / f"{name}.png"))
        told = [note for note in report.notes if "of 128x128 pixels, have another shape" in note]
        assert bool(told) == is_told


def test_a_run_and_its_savedmodel_give_the_same(run_dir, saved, page, tmp_path):
    both = [colored(model, page, tmp_path / model.name, hints=page / "hints.png")
            for model in (run_dir, saved)]
    assert np.abs(both[0].astype(int) - both[1]).max() <= 1


def test_the_signature_guided_takes_a_page_with_and_without_hints(saved, page, tmp_path):
    loaded = tf.saved_model.load(str(saved))
    file, hints = ((page / name).read_bytes() for name in ("page.png", "hints.png"))
    answers = loaded.signatures["guided"](image_bytes=tf.constant([file, file]),
                                          hint_bytes=tf.constant([hints, b""]))["colored_bytes"]
    told, alone = (media.decode_picture(answer) for answer in answers.numpy())
    mine = colored(saved, page, tmp_path / "told", hints=page / "hints.png")
    # The command fills what is flat around strokes too: what is about as light as them.
    shade = pixels.gray(media.read_picture(page / "page.png")).astype(int)
    flat = np.isin(shade, np.add.outer(shade[20:30, 30:90], np.arange(-14, 15))) | np.isin(
        shade, np.add.outer(shade[90:100, 90:150], np.arange(-14, 15)))
    assert np.mean(~flat) > 0.02
    assert np.abs(told.astype(int) - mine)[~flat].mean() < 1
    for drawn in (np.s_[20:30, 30:90], np.s_[90:100, 90:150]):
        assert np.abs(told[drawn].astype(int) - mine[drawn]).mean() < 1
    untold = loaded.signatures["page"](image_bytes=tf.constant([file]))["colored_bytes"]
    np.testing.assert_array_equal(alone, media.decode_picture(untold.numpy()[0]))


def test_the_network_without_hints_is_the_generator_given_none(run_dir, saved, page):
    shade = pixels.gray(media.read_picture(page / "page.png"))
    model = colorize.Model.load(saved)
    clear = np.zeros((*shade.shape, 4), np.uint8)
    np.testing.assert_array_equal(model.colorize(shade), model.colorize(shade, clear))


def test_training_judges_and_settles_a_network_by_its_pictures_as_vivid_as_asked(run_dir, data_dir):
    data = data_for(run_directory.read_config(run_dir), data_dir)
    condition, truth = (np.concatenate(each) for each in zip(*data.validation(), strict=True))
    best = run_directory.load_generator(run_dir / checkpoints.BEST)
    factor, rule = models.saturation_of(best), Saturation(0.8, data.validation())
    settled = float(factor)
    factor.assign(1)
    assert rule.finish(best) == pytest.approx(checkpoints.best(run_dir)["ciede2000"])
    assert float(factor) == settled
    factor.assign(1)
    vivid = rule._vivid(best)
    assert vivid > settled  # so few batches have learned no colour that is nearer than gray
    factor.assign(vivid)
    share = (metrics.colourfulness(pixels.to_uint8(best.predict(condition, verbose=0))).mean()
             / metrics.colourfulness(pixels.to_uint8(truth)).mean())
    assert vivid == 3 or share == pytest.approx(0.8, abs=0.03)


def test_a_network_that_begins_with_another_forgets_its_saturation(run_dir, data_dir, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run_dir, other)
    generator = run_directory.load_generator(other)
    models.saturation_of(generator).assign(2)
    generator.save(other / "generator.keras")
    begun = models.build(run_directory.read_config(run_dir), (64, 96), 9)
    train._take_weights(begun, other)  # for it is for what was learned before
    assert float(models.saturation_of(begun.generator)) == 1


def test_a_run_that_takes_hints_keeps_the_moods_of_its_series(run_dir, runs, data_dir, tmp_path):
    (tmp_path / "config.toml").write_bytes((run_dir / "config.toml").read_bytes())
    data = data_for(run_directory.read_config(run_dir), data_dir)
    run_directory.keep_moods(tmp_path, data)
    assert np.shape(run_directory.read_moods(tmp_path)) == (moods.COUNT, moods.LEVELS, 2)
    run_directory.write_moods(tmp_path, np.zeros((1, moods.LEVELS, 2)))
    run_directory.keep_moods(tmp_path, data)  # those that are there stay
    assert len(run_directory.read_moods(tmp_path)) == 1
    run_directory.keep_moods(runs["convnet_gray"], data)
    assert run_directory.read_moods(runs["convnet_gray"]) == []


def test_saturation_is_chosen_anew_for_a_page_and_leaves_strokes_alone(saved, page, tmp_path):
    given = {"hints": page / "hints.png"}
    pale, vivid = (colored(saved, page, tmp_path / str(factor), saturation=factor, **given)
                   for factor in (0.01, 3.0))
    level = pixels.gray(vivid)[..., None].astype(int)
    assert np.abs(vivid - level).mean() > np.abs(pale - level).mean() + 1
    for place in (np.s_[22:28, 34:86], np.s_[92:98, 94:146]):
        assert np.abs(pale[place].astype(int) - vivid[place]).max() <= 3


def test_points_and_corrections_are_measured_in_rows_of_their_own(run_dir, data_dir, tmp_path,
                                                                  monkeypatch):
    monkeypatch.setattr(measure, "CORRECTED", 2)  # each point takes a pass of its own
    report = evaluate.evaluate([run_dir], data_dir, tmp_path, "validation", points=[6])
    rows = {(row.get("points"), row.get("corrections")): row for row in report["rows"]
            if row["model"] == "convnet"}
    assert set(rows) == {(None, None), (6, None), (None, 6)}
    assert rows[None, 6]["pictures"] == 2 < rows[6, None]["pictures"]
    untold, corrected = (measure.of_run("guided", run_dir, *told) for told in ((), (6, True)))
    data = data_for(run_directory.read_config(run_dir), data_dir)
    examples = measure.Examples(data, "validation")
    condition, truth = (np.stack(each) for each in zip(*examples.pick(range(2)).values(),
                                                       strict=True))
    before, after = (metrics.l1(each.colorize(condition, truth), truth).mean()
                     for each in (untold, corrected))
    assert after < before
    assert "ConvNet, 6 corrections (2)" in (tmp_path / "table1.md").read_text()


def test_a_run_on_edges_is_measured_with_points_too(runs, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "CORRECTED", 2)
    report = evaluate.evaluate([runs["convnet_edge"]], data_dir, tmp_path, "validation",
                               points=[20])
    rows = {(row.get("points"), row.get("corrections")): row["l1"] for row in report["rows"]
            if row["model"] == "convnet"}
    assert rows[20, None] < 0.8 * rows[None, None] and rows[None, 20] < 0.8 * rows[None, None]


def test_a_correction_is_amid_the_square_that_is_wrong_most():
    truth, told = np.full((40, 60, 3), 90, np.uint8), np.zeros((40, 60), bool)
    painted = truth.copy()
    painted[3, 3] = 255  # a speck
    painted[20:29, 30:39] += 40
    assert baselines.worst_pixel(painted, truth, told) == (24, 34)
    told[24, 34] = True
    assert baselines.worst_pixel(painted, truth, told) in {(23, 34), (24, 33), (24, 35), (25, 34)}
