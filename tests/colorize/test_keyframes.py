"""Claims about keyframes: how they are named, where their colours go, and where they do not."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from test_film import SIZE, colors_of, frames_of, write_film

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import film as film_module
from keras_colorize.colorize import keyframes
from keras_colorize.colorize.keyframes import Keyframe
from keras_colorize.colorize.shots import Shots
from keras_colorize.colorize.steadying import Steadier
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.image import line_lock, pixels
from keras_colorize.media import planes

RED = (150, 90, 90)
HALF = 12  # frames of each of the film's two shots
KEY = 6  # the frame of its keyframe


def paint(conditions):
    """A network that wavers between green and violet, or paints all as it is told in the mean."""
    conditions = np.asarray(conditions)
    level = conditions[..., 0].astype(np.int32)
    wave = int(level.sum()) % 7 * 4 - 12
    picture = np.stack([level - wave, level + wave, level - wave], -1).clip(0, 255)
    if conditions.shape[3] == 5:
        told = conditions[conditions[..., 4] >= 128][:, 1:4]
        picture = np.broadcast_to(told.mean(axis=0), picture.shape)
    return {"pixels": tf.constant(picture.astype(np.uint8))}


@pytest.fixture(scope="module")
def guided():
    """Models whose network takes hints, and paints nothing else where it is given some."""
    return colorize.Models(colorize.Model(
        "painter", "", "gray", "spline", (64, 96), lambda pixels: paint(pixels), None,
        lambda pixels: paint(pixels), features=lambda pixels: tf.zeros((1, 4, 4, 1)),
        path=Path("painter")))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A gray film of the ends of two shots, without loss."""
    cut = next(index for index in range(episode.length()) if episode.shot_of(index) == 1)
    frames = [cv2.resize(pixels.gray(episode.draw_frame(index)), SIZE[::-1],
                         interpolation=cv2.INTER_AREA) for index in range(cut - HALF, cut + HALF)]
    path = tmp_path_factory.mktemp("film") / "in.mkv"
    write_film(path, frames, "ffv1")
    return path


@pytest.fixture
def folder(source, tmp_path):
    """A folder with a keyframe, a frame of the first shot all in red."""
    place = tmp_path / "keys"
    place.mkdir()
    gray = next(frame.picture() for frame in media.read_video(source) if frame.number == KEY)
    red = pixels.chroma(np.full((*SIZE, 3), RED, np.uint8))
    media.write_picture(place / f"{KEY:06}.png", line_lock.join(pixels.gray(gray), red))
    return place


def colored(models, source, out, folder, **settings):
    """The record of a film that is coloured in ffv1, and its codes of chroma."""
    settings = colorize.Settings(keyframes=folder, codec="ffv1", **settings)
    report = colorize.colorize(models, [source], out, settings)
    assert not report.failed, report.failed
    record, = json.loads((out.with_name(f"{out.name}.job") / "report.json").read_text())["pages"]
    return record, np.stack([colors_of(frame) for frame in frames_of(out)[1]]), report.films[0]


def test_a_keyframe_reaches_its_shot_and_not_the_next_and_flickers_less(
        guided, source, folder, tmp_path):
    _, plain, _ = colored(guided, source, tmp_path / "plain.mkv", None)
    record, told, line = colored(guided, source, tmp_path / "told.mkv", folder)
    assert told[:HALF, 1].mean() > plain[:HALF, 1].mean() + 10
    for each in told[:HALF]:
        assert (each[1] > 140).mean() > 0.6 and (each[0] < 126).mean() > 0.6
    np.testing.assert_array_equal(told[HALF:], plain[HALF:])
    steps = [[np.abs(after - before).mean() for before, after in pairwise(each[:HALF])]
             for each in (told, plain)]
    assert np.mean(steps[0]) < np.mean(steps[1])
    assert [each["keyframes"] for each in record["keyframes"]] == [["000006.png"], []]
    assert (record["keyframes"][1]["from"], record["keyframes"][1]["to"]) == (HALF, 2 * HALF - 1)
    assert "1 keyframe, in 1 of 2 shots" in line
    page = (tmp_path / "told.mkv.job" / "report.html").read_text()
    assert "000006.png for frames 0 to 11" in page and "frames 12 to 23 (0.5 s)" in page


def test_references_tell_the_shots_without_keyframes_and_flicker_less(
        guided, source, folder, tmp_path):
    frame = episode.draw_frame(0)
    cool = line_lock.join(pixels.gray(frame), pixels.chroma(frame) / 4 + np.float32([-20, 30]))
    media.write_picture(tmp_path / "cool.png", cool)
    given = {"reference": (tmp_path / "cool.png",)}
    _, plain, _ = colored(guided, source, tmp_path / "plain.mkv", None)
    _, told, _ = colored(guided, source, tmp_path / "told.mkv", None, **given)
    _, keyed, _ = colored(guided, source, tmp_path / "keyed.mkv", folder)
    record, both, _ = colored(guided, source, tmp_path / "both.mkv", folder, **given)
    assert "1 of its shots were told by references" in record["notes"]
    for shot in (told[:HALF], told[HALF:], both[HALF:]):
        assert shot[:, 0].mean() > plain[:, 0].mean() + 4
        assert shot[:, 1].mean() < plain[:, 1].mean() - 4
    np.testing.assert_array_equal(both[:HALF], keyed[:HALF])
    steps = [np.abs(np.diff(each[:HALF].astype(int), axis=0)).mean() for each in (told, plain)]
    assert steps[0] < steps[1]
    guideless = colorize.Models(replace(guided.pages, input="manga", network_guided=None))
    record, _, _ = colored(guideless, source, tmp_path / "unused.mkv", None, **given)
    assert "its references were not used: painter takes none" in record["notes"]


def test_a_stroke_keeps_its_chroma_in_its_frame_and_the_network_is_told(guided, source, tmp_path):
    strokes = np.zeros((*SIZE, 4), np.uint8)
    strokes[30:50, 40:80] = (*RED, 255)
    (tmp_path / "keys").mkdir()
    Image.fromarray(strokes).save(tmp_path / "keys" / "0.25s.png")  # of frame 6
    _, codes, _ = colored(guided, source, tmp_path / "out.mkv", tmp_path / "keys")
    layout = planes.Layout(*SIZE, False, False, planes.BT601, "yuv420p")
    wanted = planes.chroma_codes(pixels.chroma(np.uint8([[RED]])), np.uint8([[120]]), layout)
    inside = codes[KEY][:, 18:22, 24:36]  # in both places of a code is 1.6 or 2 levels
    assert np.abs(inside - np.array(wanted).reshape(2, 1, 1)).max() <= 1
    outside = codes[KEY, 1].copy()
    outside[12:28, 17:43] = 0
    assert (outside > 140).mean() > 0.4


def test_what_a_keyframe_says_itself_is_not_steadied_and_what_is_carried_is(moving):
    steadier, chroma = Steadier(), np.zeros((80, 120, 2), np.float32)
    carried = key(*RED)
    carried[..., 3] = carried[..., 3] // 255 * 254
    red, middle = pixels.chroma(np.uint8([[RED]])), np.s_[30:40, 30:40]
    steadier.steady(moving[0], chroma)
    first = steadier.steady(moving[0], chroma, carried)[middle][..., 0].mean()
    assert 0 < first < 0.1 * red[..., 0]
    np.testing.assert_array_equal(steadier.steady(moving[0], chroma, key(*RED))[middle] - red, 0)


@pytest.fixture
def moving():
    """A textured square that goes right over a ground, by number, and where it is."""
    noise = np.random.default_rng(1)
    ground = cv2.GaussianBlur(noise.integers(60, 120, (80, 120), np.uint8), (0, 0), 1.5)
    square = cv2.normalize(cv2.GaussianBlur(noise.integers(0, 256, (30, 30), np.uint8), (0, 0), 2),
                           None, 0, 255, cv2.NORM_MINMAX)
    guides = {}
    for number in range(0, 18, 3):
        guides[number] = ground.copy()
        guides[number][20:50, 20 + number:50 + number] = square
    return guides


def key(*color, left=0):
    """A keyframe of the moving square in its third drawing, its middle in one colour."""
    picture = np.zeros((80, 120, 4), np.uint8)
    picture[28:42, left + 28:left + 42] = (*color, 255)
    return picture


def test_colours_move_with_what_they_lie_on_and_are_lost_with_it(moving):
    told = keyframes.carry({6: key(*RED, left=6)}, moving)
    for number, packed in told.items():
        picture = keyframes.unpack(packed)
        sure = picture[..., 3] >= 128
        on_square = sure[27:43, number + 27:number + 43]
        assert on_square.mean() > 0.5 and sure.sum() - on_square.sum() < 20
        assert np.abs(picture[sure][:, :3] - np.float32(RED)).max() <= 1
    assert sorted(told) == sorted(moving)
    np.testing.assert_array_equal(keyframes.unpack(told[6]), key(*RED, left=6))
    moving[9] = cv2.GaussianBlur(moving[9][::-1], (0, 0), 5)  # nothing of it is seen here
    told = keyframes.carry({6: key(*RED, left=6)}, moving)
    assert (keyframes.unpack(told[0])[..., 3] > 127).any()
    for number in (9, 12):
        lost = told.get(number)
        assert lost is None or (keyframes.unpack(lost)[..., 3] > 127).sum() < 20


def test_between_two_keyframes_colours_pass_over_by_the_time(moving):
    still = dict.fromkeys(moving, moving[0])
    told = keyframes.carry({0: key(200, 0, 0), 12: key(0, 0, 200)}, still)
    middles = [keyframes.unpack(told[number])[35, 35].tolist() for number in (0, 3, 6, 12, 15)]
    assert middles == [[200, 0, 0, 255], [150, 0, 50, 254], [100, 0, 100, 254], [0, 0, 200, 255],
                       [0, 0, 200, 254]]


def test_a_killed_film_goes_on_to_the_same_bytes_and_a_changed_keyframe_begins_it_anew(
        guided, source, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(film_module, "PIECE", 4)
    settings = colorize.Settings(keyframes=folder)
    whole, out = tmp_path / "a.mp4", tmp_path / "b.mp4"
    colorize.colorize(guided, [source], whole, settings)
    encoder = film_module.film_writer.Encoder
    made = []

    def dying(piece, encoding):
        made.append(piece)
        if len(made) == 4:  # the first is a rehearsal
            raise KeyboardInterrupt
        return encoder(piece, encoding)

    monkeypatch.setattr(film_module.film_writer, "Encoder", dying)
    with pytest.raises(KeyboardInterrupt):
        colorize.colorize(guided, [source], out, settings)
    assert len(list(tmp_path.rglob("piece*.nut"))) == 2
    made += [None]
    assert not colorize.colorize(guided, [source], out, settings).failed
    assert len(made) == 5 + 4 and out.read_bytes() == whole.read_bytes()
    assert colorize.colorize(guided, [source], out, settings).found_done == 1
    (folder / "000006.png").rename(folder / "000015.png")
    assert colorize.colorize(guided, [source], out, settings).films
    assert out.read_bytes() != whole.read_bytes()
    with pytest.raises(UsageError, match="keyframes was 'given', now not set"):
        colorize.colorize(guided, [source], out)


def test_keyframes_may_be_added_to_a_film_that_was_coloured_without(guided, source, folder,
                                                                    tmp_path):
    out = tmp_path / "a.mp4"
    colorize.colorize(guided, [source], out)
    plain = out.read_bytes()
    told = colorize.Settings(keyframes=folder)
    assert colorize.colorize(guided, [source], out, told).films
    assert out.read_bytes() != plain
    assert colorize.colorize(guided, [source], out, told).found_done == 1
    with pytest.raises(UsageError, match=r"crf was not set, now 9\); name another --out, give what "
                       r"it was, or remove .*a\.mp4 and .*a\.mp4\.job"):
        colorize.colorize(guided, [source], out, colorize.Settings(keyframes=folder, crf=9))


def test_each_of_several_films_has_a_folder_of_its_name(guided, source, folder, tmp_path):
    inputs = tmp_path / "in"
    (inputs / "a").mkdir(parents=True)
    for name in ("a/1.mkv", "2.mkv"):
        (inputs / name).write_bytes(source.read_bytes())
    settings = colorize.Settings(keyframes=folder)
    with pytest.raises(UsageError, match=r"000006.png: is a keyframe of one film, and there are "
                       r"several; put it into the folder of its film, such as .*/keys/2\.mkv"):
        colorize.colorize(guided, [inputs], tmp_path / "out", settings)
    (folder / "a" / "1.mkv").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds no keyframe of these films; put them into"):
        (folder / "000006.png").rename(folder / "a" / "000006.png")
        colorize.colorize(guided, [inputs], tmp_path / "out", settings)
    (folder / "a" / "000006.png").rename(folder / "a" / "1.mkv" / "000006.png")
    first, second = sorted(colorize.colorize(guided, [inputs], tmp_path / "out", settings).films,
                           key=lambda line: "2.mkv" in line)
    assert "1 keyframe, in 1 of 2 shots" in first
    assert "0 keyframes" not in second and "it has no keyframes" in second


def test_a_name_says_the_frame_or_the_time():
    places = {name: Keyframe.named(Path(f"{name}.png")).place for name in (
        "7", "000123", "62.5s", "62s", "01-02.500", "0-01-02.5", "1-00-00")}
    assert places == {"7": 7, "000123": 123, "62.5s": 62.5, "62s": 62.0, "01-02.500": 62.5,
                      "0-01-02.5": 62.5, "1-00-00": 3600.0}
    held = np.array([False, False, True, True, False])
    shots = Shots(np.zeros(5, bool), held, np.zeros(5, np.uint8), held, np.arange(5) / 24)
    for name, frame in (("3", 1), ("0.02s", 0), ("0.042s", 1), ("0.12s", 1), ("0.166s", 4)):
        assert Keyframe.named(Path(f"{name}.png")).frame(shots) == frame
    for name in ("5", "0.3s"):
        with pytest.raises(SourceError, match=r"beyond the film, whose last frame is 4, at 0\.167"):
            Keyframe.named(Path(f"{name}.png")).frame(shots)
    with pytest.raises(SourceError, match=r"3\.png: and 2\.png show one drawing, that of frame 1"):
        keyframes.placed([Keyframe.named(Path(f"{name}.png")) for name in "23"], shots)


def gray(*size):
    return np.full((*size, 3), 90, np.uint8)


@pytest.mark.parametrize(("name", "picture", "said"), [
    ("frame_6.png", RED, "is named by no frame of a film; name it by the frame's number from 0"),
    ("24.png", RED, "is beyond the film, whose last frame is 23, at 0.958 s; name it by"),
    ("6.png", gray(*SIZE), "is gray all over, so it tells no colour; colour it, or take it out"),
    ("6.png", np.zeros((*SIZE, 4), np.uint8), "holds no opaque stroke, so it tells nothing"),
    ("6.png", gray(96, 96), "is 96x96, and the film is 144x96; give a whole frame"),
    ("6.png", b"no picture", "6.png: cannot be read as a picture")])
def test_what_is_no_keyframe_is_told_in_a_line(name, picture, said, guided, source, tmp_path):
    (tmp_path / "keys").mkdir()
    place = tmp_path / "keys" / name
    if isinstance(picture, bytes):
        place.write_bytes(picture)
    else:
        picture = np.full((*SIZE, 3), picture, np.uint8) if isinstance(picture, tuple) else picture
        Image.fromarray(picture).save(place)
    settings = colorize.Settings(keyframes=place.parent)
    try:
        errors = colorize.colorize(guided, [source], tmp_path / "out.mkv", settings).failed
    except UsageError as error:
        errors = [str(error)]
        assert not list(tmp_path.glob("out*"))
    assert len(errors) == 1 and said in errors[0] and not (tmp_path / "out.mkv").exists()


def test_keyframes_without_a_film_or_a_model_that_takes_hints_are_refused(
        guided, source, folder, tmp_path, error_of):
    unguided = colorize.Models(replace(guided.pages, network_guided=None))
    settings, page = colorize.Settings(keyframes=folder), folder / "000006.png"
    for by, what, said in ((unguided, source, "takes no hints, and so no keyframes; leave out"),
                           (guided, page, "holds keyframes, and there is no film; leave out")):
        with pytest.raises(UsageError, match=said):
            colorize.colorize(by, [what], tmp_path / "out", settings)
    page.unlink()
    with pytest.raises(UsageError, match="keys: holds no keyframe; name it by the frame's number"):
        colorize.colorize(guided, [source], tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
    for inputs, place, said in (([source], source, "is no folder; give the folder of the keyf"),
                                ([source, source], folder, "there are 2 inputs without --out")):
        code, error = error_of("colorize", *inputs, "--keyframes", place)
        assert code == 2 and said in error
