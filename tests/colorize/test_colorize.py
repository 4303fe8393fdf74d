import json
import os

import cv2
import numpy as np
import pytest
from conftest import wait_for
from PIL import Image
from warm_process import Command

from keras_colorize import colorize, export, media
from keras_colorize.cartoon import episode
from keras_colorize.errors import RunError, SettingsMismatch, SourceError, UsageError
from keras_colorize.image import line_lock, pixels
from keras_colorize.training import run_directory


@pytest.fixture(scope="module")
def models(runs, tmp_path_factory):
    """The tiny GANs: gray as a SavedModel, edge as its run directory."""
    saved = tmp_path_factory.mktemp("saved") / "gray"
    export.export(runs["gan_gray"], saved)
    return {"gray": colorize.Model.load(saved), "edge": colorize.Model.load(runs["gan_edge"])}


@pytest.fixture
def gray(models):
    """The gray model alone."""
    return colorize.Models(models["gray"])


@pytest.fixture
def pictures(tmp_path):
    """A folder with two gray pictures, one in a folder below."""
    folder = tmp_path / "pages"
    media.write_picture(folder / "one.png", pixels.gray(episode.draw_frame(0)[:100, :161]))
    media.write_picture(folder / "below" / "two.jpg", pixels.gray(episode.draw_frame(60)))
    return folder


def report_of(out):
    """The pages of a report, by name."""
    return {page["page"]: page for page in json.loads((out / "report.json").read_text())["pages"]}


def test_a_saved_model_and_its_run_colour_alike(models, runs):
    frame = pixels.gray(episode.draw_frame(0))
    from_run = colorize.Model.load(runs["gan_gray"])
    assert from_run.digest == models["gray"].digest and from_run.size == (64, 96)
    np.testing.assert_allclose(models["gray"].colorize(frame).astype(int),
                               from_run.colorize(frame), atol=1)


def test_without_lock_at_its_own_scale_a_page_is_the_generators_own_picture(runs, pictures,
                                                                            tmp_path):
    colorize.colorize(colorize.Models(colorize.Model.load(runs["gan_edge"])),
                       [pictures / "one.png"], tmp_path / "out",
                       colorize.Settings(lock="none", scale=1.0))
    page = media.read_picture(pictures / "one.png")
    generator = run_directory.load_generator(runs["gan_edge"])
    lines = pixels.edges(page, page.shape[:2])[np.newaxis, ..., np.newaxis]
    signed = pixels.to_signed(lines.astype(np.float32))
    own = pixels.to_uint8(np.asarray(generator(signed, training=False)))[0]
    np.testing.assert_allclose(media.read_picture(tmp_path / "out" / "one.png").astype(int), own,
                               atol=1)


def test_a_folder_keeps_its_tree_names_formats_sizes_and_luminance(gray, pictures, tmp_path):
    out = tmp_path / "out"
    report = colorize.colorize(gray, [pictures], out)
    assert len(report.colored) == 2 and not report.failed and not report.flagged
    one, two = media.read_picture(out / "one.png"), media.read_picture(out / "below" / "two.jpg")
    assert one.shape == (100, 161, 3) and two.shape == (360, 640, 3)
    before = media.read_picture(pictures / "one.png")[..., 0]
    assert line_lock.largest_change(before, one) <= 1 and np.ptp(one, axis=2).max() > 5
    pages = report_of(out)
    assert pages["one.png"]["luminance_change"] <= 1 and pages["one.png"]["lossless"]
    assert not pages["below/two.jpg"]["lossless"]
    assert "one.png" in (out / "report.html").read_text()


def test_what_was_coloured_stays_and_another_model_is_refused(gray, models, pictures, tmp_path):
    out = tmp_path / "out"
    colorize.colorize(gray, [pictures], out)
    (out / "one.png").unlink()
    kept = (out / "below" / "two.jpg").stat().st_mtime_ns
    report = colorize.colorize(gray, [pictures], out)
    assert (len(report.colored), report.found_done) == (1, 1)
    assert (out / "below" / "two.jpg").stat().st_mtime_ns == kept
    with pytest.raises(SettingsMismatch, match="was coloured by another model"):
        colorize.colorize(colorize.Models(models["edge"]), [pictures], out)
    with pytest.raises(SettingsMismatch,
                       match=r"with other settings \(lock was not set, now 'ink'\)"):
        colorize.colorize(gray, [pictures], out, colorize.Settings(lock="ink"))
    media.write_picture(tmp_path / "one.png", episode.draw_frame(9))
    with pytest.raises(SettingsMismatch, match=r"one\.png: was coloured from .*pages/one\.png"):
        colorize.colorize(gray, [tmp_path / "one.png"], out)
    with pytest.raises(UsageError, match="was not coloured by this command"):
        colorize.colorize(gray, [tmp_path / "one.png"], pictures)


def test_a_page_that_has_changed_is_coloured_anew(gray, pictures, tmp_path):
    colorize.colorize(gray, [pictures], tmp_path / "out")
    media.write_picture(pictures / "one.png", np.full((50, 60), 99, np.uint8))
    report = colorize.colorize(gray, [pictures], tmp_path / "out")
    assert (len(report.colored), report.found_done) == (1, 1)
    assert media.read_picture(tmp_path / "out" / "one.png").shape == (50, 60, 3)


def test_a_bad_picture_is_reported_and_the_rest_goes_on(gray, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"\x89PNG but no more")
    (pictures / "empty.png").touch()
    (pictures / "gone.png").symlink_to(pictures / "nowhere.png")
    report = colorize.colorize(gray, [pictures], tmp_path / "out")
    assert len(report.colored) == 2
    assert [reason.split(": ")[1] for reason in report.failed] == [
        "cannot be read as a picture; is it whole? export it as PNG",
        "cannot be read as a picture; is it whole? export it as PNG",
        "is missing; check it"]
    assert not (tmp_path / "out" / "broken.png").exists()
    assert "cannot be read" in report_of(tmp_path / "out")["empty.png"]["error"]


def test_killed_and_started_again_it_ends_with_the_same_bytes(gray, models, tmp_path):
    """SIGKILL after some pages; the pages done stay, and all are as if nothing had happened."""
    pages = tmp_path / "pages"
    for number in range(12):
        media.write_picture(pages / f"{number}.png", pixels.gray(episode.draw_frame(9 * number)))
    colorize.colorize(gray, [pages], tmp_path / "whole")
    out = tmp_path / "out"
    process = Command("colorize", models["gray"].name, pages, "--out", out)
    journal = out / "colorize.jsonl"
    wait_for(lambda: journal.exists() and journal.read_text().count('"page"') >= 3, process)
    process.kill()
    process.wait()
    assert len(list(out.glob("[0-9]*.png"))) < 12, "killed too late"
    with open(journal, "a") as lines:
        lines.write('{"page": "11.png", "sha2')  # as if killed while writing
    report = colorize.colorize(gray, [pages], out)
    assert report.found_done >= 3 and not list(out.glob(".*.partial.*"))
    for page in pages.iterdir():
        assert (out / page.name).read_bytes() == (tmp_path / "whole" / page.name).read_bytes()
    assert len(report_of(out)) == 12


def test_a_colour_page_is_copied_byte_for_byte(gray, pictures, tmp_path):
    Image.fromarray(episode.draw_frame(0)).save(pictures / "color.jpg", quality=71, comment="hi")
    report = colorize.colorize(gray, [pictures], tmp_path / "out")
    copied = tmp_path / "out" / "color.jpg"
    assert copied.read_bytes() == (pictures / "color.jpg").read_bytes()
    assert report.colored[copied] == "copied untouched"
    gray_too = colorize.colorize(gray, [pictures / "color.jpg"], tmp_path / "treated",
                                  colorize.Settings(treat_as="gray"))
    assert gray_too.colored[tmp_path / "treated" / "color.jpg"] == gray.pages.name


def test_line_art_goes_to_the_edge_model_and_takes_colour(models, pictures, tmp_path):
    lines = 255 - pixels.edges(episode.draw_frame(0), (360, 640))
    media.write_picture(pictures / "lines.png", lines)
    both = colorize.Models(models["gray"], models["edge"])
    report = colorize.colorize(both, [pictures], tmp_path / "out")
    assert report.colored == {
        tmp_path / "out" / "lines.png": models["edge"].name,
        tmp_path / "out" / "one.png": models["gray"].name,
        tmp_path / "out" / "below" / "two.jpg": models["gray"].name}
    page = report_of(tmp_path / "out")["lines.png"]
    assert page["kind"] == "line_art" and page["rule"] == "flat"
    colored = media.read_picture(tmp_path / "out" / "lines.png")
    assert (colored[lines == 0] == 0).all() and np.ptp(colored[lines == 255], axis=1).mean() > 2
    alone = colorize.colorize(colorize.Models(models["gray"]), [pictures / "lines.png"],
                               tmp_path / "alone")
    assert alone.colored[tmp_path / "alone" / "lines.png"] == models["gray"].name
    assert "no --edge-model was given" in report_of(tmp_path / "alone")["lines.png"]["notes"][0]


def test_white_lines_on_black_are_shown_as_black_on_white_are(models, tmp_path):
    lines = np.full((128, 192), 255, np.uint8)
    cv2.circle(lines, (90, 60), 40, 0, 3)
    for name, drawn in (("black", lines), ("white", 255 - lines)):
        media.write_picture(tmp_path / f"{name}.png", drawn)
        colorize.colorize(colorize.Models(models["gray"], models["edge"]),
                           [tmp_path / f"{name}.png"], tmp_path / name,
                           colorize.Settings(lock="none", treat_as="line_art"))
    np.testing.assert_array_equal(*(media.read_picture(tmp_path / name / f"{name}.png")
                                    for name in ("black", "white")))


def test_sixteen_bits_transparency_and_resolution_are_kept(gray, tmp_path):
    deep = np.linspace(0, 65535, 64 * 96).reshape(64, 96).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    cv2.imwrite(str(tmp_path / "deep.tif"), deep)
    alpha = np.zeros((64, 96, 4), np.uint8)
    alpha[..., :3], alpha[16:48, :, 3] = 120, 200
    Image.fromarray(alpha).save(tmp_path / "alpha.png", dpi=(300, 300))
    report = colorize.colorize(gray, [tmp_path / name for name in
                                       ("deep.png", "deep.tif", "alpha.png")], tmp_path / "out")
    assert not report.failed and not report.flagged
    for name in ("deep.png", "deep.tif"):
        colored = cv2.imread(str(tmp_path / "out" / name), cv2.IMREAD_UNCHANGED)
        assert colored.dtype == np.uint16 and colored.shape == (64, 96, 3)
        assert line_lock.largest_change(deep, colored[..., ::-1]) < 0.1
    with Image.open(tmp_path / "out" / "alpha.png") as image:
        np.testing.assert_array_equal(np.asarray(image)[..., 3], alpha[..., 3])
        assert round(image.info["dpi"][0]) == 300


def test_a_jpeg_keeps_its_quality_and_a_chosen_format_is_used(gray, pictures, tmp_path):
    Image.fromarray(pixels.gray(episode.draw_frame(3))).save(pictures / "q.jpg", quality=57)
    colorize.colorize(gray, [pictures], tmp_path / "out")
    with Image.open(pictures / "q.jpg") as old, Image.open(tmp_path / "out" / "q.jpg") as new:
        assert old.quantization[0] == new.quantization[0]
    colorize.colorize(gray, [pictures], tmp_path / "webp",
                       colorize.Settings(format="webp", quality=80))
    assert sorted(path.suffix for path in (tmp_path / "webp").rglob("*.webp")) == [".webp"] * 3


def test_large_pages_are_tiled_without_seams(models, monkeypatch):
    """A gradient with noise, wide enough for nine tiles, against the same seen at once."""
    from keras_colorize.export import graph

    noise = np.random.default_rng(0).integers(0, 30, (700, 800))
    page = (np.linspace(20, 200, 800)[None] + noise).astype(np.uint8)
    whole = models["gray"].colorize(page).astype(int)
    monkeypatch.setattr(graph, "TILE", 384)
    monkeypatch.setattr(graph, "OVERLAP", 128)
    monkeypatch.setattr(graph, "WHOLE", 1000)
    tiled = models["gray"].colorize(page).astype(int)
    assert np.abs(tiled - whole).mean() < 2
    for axis, length in ((0, 700), (1, 800)):
        steps = np.abs(np.diff(tiled, axis=axis)).mean(axis=(1 - axis, 2))
        expected = np.abs(np.diff(whole, axis=axis)).mean(axis=(1 - axis, 2))
        starts = graph.tile_starts(length).numpy()
        seams = [edge - 1 for start in starts for edge in (start, start + 384)
                 if 0 < edge < length]
        assert seams and (steps[seams] < 1.3 * expected[seams] + 0.3).all()


def test_inputs_are_never_overwritten(gray, pictures):
    before = (pictures / "one.png").read_bytes()
    for inputs, out, message in (([pictures], pictures, "is within the input"),
                                 ([pictures], pictures / "colored", "is within the input"),
                                 ([pictures / "one.png"], pictures, "would overwrite the input")):
        with pytest.raises(UsageError, match=message):
            colorize.colorize(gray, inputs, out)
    assert (pictures / "one.png").read_bytes() == before


def test_what_cannot_be_coloured_is_named(gray, pictures, tmp_path):
    (tmp_path / "hollow").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    for place, message in ((tmp_path / "none", "does not exist"),
                           (tmp_path / "hollow", "holds no picture"),
                           (tmp_path / "notes.txt", "is no picture")):
        with pytest.raises(SourceError, match=message):
            colorize.colorize(gray, [place], tmp_path / "out")
    media.write_picture(tmp_path / "one.png", episode.draw_frame(9))
    (tmp_path / "two").mkdir()
    media.write_picture(tmp_path / "two" / "one.png", episode.draw_frame(9))
    with pytest.raises(UsageError, match="are both to be"):
        colorize.colorize(gray, [tmp_path / "one.png", tmp_path / "two"], tmp_path / "out")
    with pytest.raises(UsageError, match="there is more than one input"):
        colorize.colorize(gray, [pictures], tmp_path / "out.cbz")
    with pytest.raises(RunError, match="is neither a SavedModel nor a run directory"):
        colorize.Model.load(tmp_path / "hollow")
    (tmp_path / "hollow" / "saved_model.pb").write_bytes(b"cut")
    with pytest.raises(RunError, match="cannot be loaded as a SavedModel"):
        colorize.Model.load(tmp_path / "hollow")
    assert not (tmp_path / "out").exists()


def test_fifty_drawn_pages_keep_their_luminance_and_lettering(gray, tmp_path):
    """Random scenes with lettering of one pixel; no pixel's luminance moves by more than 1."""
    for number in range(50):
        noise = np.random.default_rng(number)
        page = pixels.gray(episode.draw_frame(int(noise.integers(episode.length()))))
        height, width = noise.integers(90, 360, 2)
        page = np.ascontiguousarray(page[:height, :width])
        cv2.putText(page, "We never lose a line", (3, 40), cv2.FONT_HERSHEY_PLAIN, 1,
                    int(noise.choice((0, 255))), 1, cv2.LINE_AA)
        media.write_picture(tmp_path / "pages" / f"{number}.png", page)
    colorize.colorize(gray, [tmp_path / "pages"], tmp_path / "out")
    for number in range(50):
        before = media.read_picture(tmp_path / "pages" / f"{number}.png")[..., 0]
        after = media.read_picture(tmp_path / "out" / f"{number}.png")
        assert line_lock.largest_change(before, after) <= 1


@pytest.mark.data
def test_real_pages_keep_their_luminance(gray, real_data, tmp_path):
    pages = sorted(real_data.glob("pepper_and_carrot/*/*.jpg"))[::9]
    for page in pages:
        media.write_picture(tmp_path / "pages" / f"{page.stem}.png",
                            pixels.gray(media.read_picture(page)))
    report = colorize.colorize(gray, [tmp_path / "pages"], tmp_path / "out")
    assert len(report.colored) == len(pages) > 10 and not report.flagged
    for page in (tmp_path / "pages").iterdir():
        before, after = (media.read_picture(path) for path in (page, tmp_path / "out" / page.name))
        assert line_lock.largest_change(before[..., 0], after) <= 1


def test_two_processes_do_not_colour_into_one_folder(gray, pictures, tmp_path):
    import fcntl

    colorize.colorize(gray, [pictures], tmp_path / "out")
    with open(tmp_path / "out" / ".lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="is being worked on by process"):
            colorize.colorize(gray, [pictures], tmp_path / "out")
    assert os.path.exists(tmp_path / "out" / "one.png")
