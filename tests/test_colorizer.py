import numpy as np
import pytest

from keras_colorize import colorizer, episode, export, media, pixels, run_directory
from keras_colorize.errors import RunError, SettingsMismatch, SourceError, UsageError


@pytest.fixture(scope="module")
def models(runs, tmp_path_factory):
    """The tiny GANs: gray as a SavedModel, edge as its run directory."""
    saved = tmp_path_factory.mktemp("saved") / "gray"
    export.export(runs["gan_gray"], saved)
    return {"gray": colorizer.Model.load(saved), "edge": colorizer.Model.load(runs["gan_edge"])}


@pytest.fixture
def pictures(tmp_path):
    """A folder with two pictures, one in a folder below."""
    folder = tmp_path / "pages"
    media.write_picture(folder / "one.png", episode.draw_frame(0)[:100, :161])
    media.write_picture(folder / "below" / "two.jpg", pixels.gray(episode.draw_frame(60)))
    return folder


def test_a_saved_model_and_its_run_colour_alike(models, runs):
    frame = episode.draw_frame(0)
    from_run = colorizer.Model.load(runs["gan_gray"])
    assert from_run.digest == models["gray"].digest
    np.testing.assert_allclose(models["gray"].colorize(frame).astype(int),
                               from_run.colorize(frame), atol=1)


def test_a_gray_model_sees_luminance_and_an_edge_model_white_lines(models, runs):
    frame = episode.draw_frame(0)
    np.testing.assert_array_equal(models["gray"].colorize(frame),
                                  models["gray"].colorize(pixels.gray(frame)))
    generator = run_directory.load_generator(runs["gan_edge"])
    lines = pixels.edges(frame, frame.shape[:2])[np.newaxis, ..., np.newaxis]
    signed = pixels.to_signed(lines.astype(np.float32))
    own = pixels.to_uint8(np.asarray(generator(signed, training=False)))[0]
    np.testing.assert_allclose(models["edge"].colorize(frame).astype(int), own, atol=1)


def test_a_folder_keeps_its_tree_names_formats_and_sizes(models, pictures, tmp_path):
    out = tmp_path / "out"
    report = colorizer.colorize(models["gray"], [pictures], out)
    assert len(report.colored) == 2 and not report.failed
    one, two = media.read_picture(out / "one.png"), media.read_picture(out / "below" / "two.jpg")
    assert one.shape == (100, 161, 3) and two.shape == (360, 640, 3)
    np.testing.assert_array_equal(one, models["gray"].colorize(episode.draw_frame(0)[:100, :161]))


def test_what_was_coloured_stays_and_another_model_is_refused(models, pictures, tmp_path):
    out = tmp_path / "out"
    colorizer.colorize(models["gray"], [pictures], out)
    (out / "one.png").unlink()
    kept = (out / "below" / "two.jpg").stat().st_mtime_ns
    report = colorizer.colorize(models["gray"], [pictures], out)
    assert (len(report.colored), report.found_done) == (1, 1)
    assert (out / "below" / "two.jpg").stat().st_mtime_ns == kept
    with pytest.raises(SettingsMismatch, match="was coloured by another model"):
        colorizer.colorize(models["edge"], [pictures], out)
    media.write_picture(tmp_path / "one.png", episode.draw_frame(9))
    with pytest.raises(SettingsMismatch, match=r"one\.png: was coloured from .*pages/one\.png"):
        colorizer.colorize(models["gray"], [tmp_path / "one.png"], out)
    with pytest.raises(UsageError, match="was not coloured by this command"):
        colorizer.colorize(models["gray"], [tmp_path / "one.png"], pictures)


def test_a_bad_picture_is_reported_and_the_rest_goes_on(models, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"\x89PNG but no more")
    (pictures / "empty.png").touch()
    (pictures / "gone.png").symlink_to(pictures / "nowhere.png")
    report = colorizer.colorize(models["gray"], [pictures], tmp_path / "out")
    assert len(report.colored) == 2
    assert [reason.split(": ")[1] for reason in report.failed] == [
        "cannot be read as a picture; is it whole? export it as PNG",
        "cannot be read as a picture; is it whole? export it as PNG",
        "cannot be read (No such file or directory); check it"]
    assert not (tmp_path / "out" / "broken.png").exists()


def test_line_art_goes_to_the_edge_model(models, pictures, tmp_path):
    lines = 255 - pixels.edges(episode.draw_frame(0), (360, 640))
    media.write_picture(pictures / "lines.png", lines)
    report = colorizer.colorize(models["gray"], [pictures], tmp_path / "out", models["edge"])
    assert report.colored == {
        tmp_path / "out" / "lines.png": models["edge"].name,
        tmp_path / "out" / "one.png": models["gray"].name,
        tmp_path / "out" / "below" / "two.jpg": models["gray"].name}
    np.testing.assert_array_equal(media.read_picture(tmp_path / "out" / "lines.png"),
                                  models["edge"].colorize(lines))


def test_inputs_are_never_overwritten(models, pictures):
    before = (pictures / "one.png").read_bytes()
    for inputs, out, message in (([pictures], pictures, "is within the input"),
                                 ([pictures], pictures / "colored", "is within the input"),
                                 ([pictures / "one.png"], pictures, "would overwrite the input")):
        with pytest.raises(UsageError, match=message):
            colorizer.colorize(models["gray"], inputs, out)
    assert (pictures / "one.png").read_bytes() == before


def test_what_cannot_be_coloured_is_named(models, pictures, tmp_path):
    (tmp_path / "hollow").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    for place, message in ((tmp_path / "none", "does not exist"),
                           (tmp_path / "hollow", "holds no picture"),
                           (tmp_path / "notes.txt", "is no picture")):
        with pytest.raises(SourceError, match=message):
            colorizer.colorize(models["gray"], [place], tmp_path / "out")
    media.write_picture(tmp_path / "one.png", episode.draw_frame(9))
    with pytest.raises(UsageError, match="are both to be"):
        colorizer.colorize(models["gray"], [tmp_path / "one.png", pictures], tmp_path / "out")
    with pytest.raises(RunError, match="is neither a SavedModel nor a run directory"):
        colorizer.Model.load(tmp_path / "hollow")
    (tmp_path / "hollow" / "saved_model.pb").write_bytes(b"cut")
    with pytest.raises(RunError, match="cannot be loaded as a SavedModel"):
        colorizer.Model.load(tmp_path / "hollow")
    assert not (tmp_path / "out").exists()
