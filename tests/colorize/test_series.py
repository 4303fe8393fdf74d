"""Claims about `series.toml`: what is read, what is refused, and what colouring takes from it."""

from pathlib import Path

import numpy as np
import pytest

from keras_colorize import cli, colorize, media
from keras_colorize.colorize import predictor, series
from keras_colorize.colorize.series import Learned, Series, Taste
from keras_colorize.errors import ConfigError, UsageError
from keras_colorize.files import read_json
from keras_colorize.training import checkpoints, run_directory


def project_of(folder, text):
    (folder / series.FILE).write_text(text, encoding="utf-8")
    return series.read(folder)


def test_a_project_survives_being_written_whatever_its_colours_are_called(tmp_path):
    swatches = {"Hair": "#d9482b", '"the sky" \\ 1.2 = [a]': "#7cc0ea", "ein Höhenzug 🏔": "#000000"}
    whole = Series(Learned(("/a/b c.mkv", "/d")), Taste("ink", None, "white", 3, 1.25), swatches)
    for project in (Series(), whole):
        series.write(tmp_path, project)
        assert series.read(tmp_path) == project
    assert list(series.read(tmp_path).swatches) == list(swatches)
    assert series.read(tmp_path / "none") == Series()


@pytest.mark.parametrize(("text", "message"), [
    ("[settings]\nsaturatoin = 1", "series.toml: settings: unknown key 'saturatoin'; did you mean "
                                   "'saturation'?"),
    ("mood = 3", "unknown key 'mood'; write it below [settings]"),
    ("[swatch]", "unknown key 'swatch'; did you mean 'swatches'?"),
    ("[settings]\nsaturation = 0", "settings.saturation: is 0; give a number above 0, up to 10"),
    ("[settings]\nmood = '3'", "settings.mood: is '3'; give a whole number from 1 up"),
    ("[settings]\nlock = 'all'", "is 'all'; give one of 'luminance', 'ink', 'none'"),
    ("[settings]\nlock = 'ink'\ntones = 'smooth'", "settings.tones: is for flat colour, and sett"),
    ("settings = 1", "settings is not a table"),
    ("swatches = 1", "swatches is not a table"),
    ("[swatches]\nhair = 'red'", "swatches.hair: is 'red'; give a colour such as '#d9482b'"),
    ("[swatches]\nhair = 3", "swatches.hair: is 3; give a colour"),
    (f"[swatches]\n{'a' * 61} = '#000000'", "have a name of 61 characters; give it 1 to 60"),
    ("[swatches]\n" + "\n".join(f"a{number} = '#000000'" for number in range(201)),
     "swatches: are 201; keep 200 at most"),
    ("[settings", "is not TOML"),
])
def test_a_fault_is_named_with_what_to_do(text, message, tmp_path):
    with pytest.raises(ConfigError) as error:
        project_of(tmp_path, text)
    assert message in str(error.value)


def test_what_a_user_says_comes_before_the_series_and_what_does_not_go_with_it():
    flat, locked = (colorize.Models(None, series=Series(settings=taste)) for taste in (
        Taste(tones="smooth", mood=2, saturation=1.5), Taste(lock="ink", paper="white")))
    assert flat.settings({}) == colorize.Settings(tones="smooth", mood="2", saturation=1.5)
    assert flat.settings({"lock": "none", "mood": None}) == colorize.Settings(
        lock="none", saturation=1.5)
    assert locked.settings({"tones": "smooth"}) == colorize.Settings(tones="smooth", paper="white")
    assert locked.settings({"tones": "keep"}) == colorize.Settings(lock="ink", paper="white")


def test_the_command_takes_its_settings_from_the_models_folder(served_model, tmp_path, capfd):
    model, page = tmp_path / "series", tmp_path / "page.png"
    model.mkdir()
    for each in served_model.iterdir():
        (model / each.name).symlink_to(each)
    series.write(model, Series(settings=Taste(lock="ink", paper="white", saturation=2.0)))
    media.write_picture(page, np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8))

    def settings_of(*flags, out=None):
        out = out or tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        capfd.readouterr()
        assert cli.main(["colorize", str(page), "--model", str(model), "--out", str(out),
                         *flags]) == 0
        settings = read_json(out / "colorize.json", dict, UsageError, "look")["settings"]
        return [settings[name] for name in ("lock", "tones", "paper", "saturation")]

    assert settings_of("--paper", "keep") == ["ink", "keep", "keep", 2.0]
    assert "lock ink, saturation 2.0, of series.toml\n" in capfd.readouterr().out
    assert settings_of("--no-series") == [None, "keep", "keep", None]
    assert "series.toml" not in capfd.readouterr().out
    begun = tmp_path / "begun"
    assert settings_of("--paper", "keep", out=begun) == ["ink", "keep", "keep", 2.0]
    series.write(model, Series(settings=Taste(tones="smooth", saturation=3.0)))  # in the studio
    assert settings_of("--paper", "keep", out=begun) == ["ink", "keep", "keep", 2.0]
    assert "lock ink, saturation 2.0, of series.toml as it was when this began" in \
        capfd.readouterr().out
    for other in (["--paper", "white"], ["--paper", "keep", "--saturation", "1"]):
        assert cli.main(["colorize", str(page), "--model", str(model), "--out", str(begun),
                         *other]) == 2


def test_a_film_ignores_what_the_series_says_of_pages_and_refuses_what_a_user_says():
    films = [colorize.inputs.Work(Path("a.mp4"), Path("b.mp4"), "a.mp4")]
    colorize.batch._check(colorize.Settings(paper="white", mood="2", of_series=("paper", "mood")),
                          films)
    with pytest.raises(UsageError, match="is a film, and --paper is for pages; colour it without"):
        colorize.batch._check(colorize.Settings(paper="white"), films)


@pytest.mark.parametrize(("taste", "message"), [
    (Taste(mood=2), "series.toml: settings.mood: is 2, and this model has 0 moods; give a smaller"),
    (Taste(saturation=2.0), "settings.saturation: is set, and this model has none to set; remove")])
def test_what_a_model_does_not_have_is_refused(taste, message):
    model = colorize.Model("painter", "", "gray", "spline", None, None, None)
    with pytest.raises(ConfigError) as error:
        predictor.check_has(model, Series(settings=taste), Path("series.toml"))
    assert message in str(error.value)


def test_the_best_networks_of_a_run_have_the_project_of_their_run(tmp_path):
    best = tmp_path / checkpoints.BEST
    best.mkdir()
    for file in (tmp_path / run_directory.CONFIG, best / checkpoints.BEST_FILE):
        file.touch()
    series.write(best, Series(swatches={"Sky": "#7cc0ea"}))
    assert (tmp_path / "series.toml").is_file() and not (best / "series.toml").exists()
    assert series.read(best) == series.read(tmp_path) == Series(swatches={"Sky": "#7cc0ea"})
