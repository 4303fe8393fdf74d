import functools

import av
import cv2
import numpy as np
import pytest
from media_files import write_resized_ts

from keras_colorize.cartoon import episode
from keras_colorize.colorize import shots
from keras_colorize.colorize.film import shots_of
from keras_colorize.colorize.shots import COLOR, GRAY, STAMPED
from keras_colorize.image import pixels

SIZE = (96, 144)


def colors(count, start=0):
    """Frames of the drawn episode, within one shot from 0 on, uint8 RGB."""
    return [small_frame(start + number).copy() for number in range(count)]


@functools.cache
def small_frame(index):
    return cv2.resize(episode.draw_frame(index), SIZE[::-1], interpolation=cv2.INTER_AREA)


def grays(count, start=0):
    """The same without their colour."""
    return [np.dstack([pixels.gray(picture)] * 3) for picture in colors(count, start)]


def with_noise(pictures, deviation, width, across=0.5):
    """Frames with the chroma noise of tapes, blurred over `width` pixels across a line."""
    noise = np.random.default_rng(0)
    for picture in pictures:
        codes = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
        for plane in (1, 2):
            grain = cv2.GaussianBlur(noise.normal(0, 1, SIZE).astype(np.float32), (0, 0), width,
                                     sigmaY=across)
            codes[..., plane] += grain * (deviation / grain.std())
        yield cv2.cvtColor(np.clip(codes, 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def with_logo(pictures, color=(220, 30, 40), left=110):
    """Frames with a coloured logo."""
    for picture in pictures:
        picture = picture.copy()
        picture[8:16, left:left + 10] = color
        yield picture


def sepia(pictures):
    """Frames in the brown of old prints."""
    return [np.rint(picture * (1.0, 0.87, 0.7)).astype(np.uint8) for picture in pictures]


def found(path, pictures, codec="ffv1"):
    """What is found of a film of these frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options={"crf": "16"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return shots.Shots.found(path, path.with_suffix(".npz"))


BLACK = [np.zeros((*SIZE, 3), np.uint8)] * 5


@pytest.mark.parametrize("parts", [
    [(GRAY, 0, 20), (COLOR, 20, 50)], [(COLOR, 0, 19), (GRAY, 19, 40)],
    [(GRAY, 0, 13), (COLOR, 13, 31), (GRAY, 31, 40)], [(GRAY, 0, 10), (COLOR, 300, 312)]])
def test_colour_begins_and_ends_at_its_very_frame(parts, tmp_path):
    pictures, kinds = [], []
    for kind, start, end in parts:
        pictures += (colors if kind == COLOR else grays)(end - start, start)
        kinds.append((kind, end - start))
    film = found(tmp_path / "in.mkv", pictures, "libx264")
    assert film.kinds.tolist() == [kind for kind, count in kinds for _ in range(count)]
    starts = np.cumsum([count for _, count in kinds])[:-1]
    assert film.cuts[starts].all() and not film.held[starts].any()
    share = sum(count for kind, count in kinds if kind == COLOR) / len(film.kinds)
    assert film.record()["color_share"] == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize(("make", "kind"), [
    (lambda: with_noise(grays(16), 6, 0.5), GRAY), (lambda: with_noise(grays(16), 8, 1), GRAY),
    (lambda: with_noise(grays(16), 10, 2), GRAY), (lambda: with_noise(grays(16), 8, 4), GRAY),
    (lambda: with_noise(sepia(grays(16)), 6, 2), GRAY), (lambda: sepia(grays(16)), GRAY),
    (lambda: with_noise(colors(16), 8, 2), COLOR),
    (lambda: with_logo(grays(16)), STAMPED),
    (lambda: with_logo(grays(16), (30, 60, 220), 8), STAMPED),
    (lambda: with_logo(grays(16), (30, 160, 60)), STAMPED), (lambda: BLACK * 3, GRAY)])
def test_noise_tints_and_logos_are_no_colour(make, kind, tmp_path):
    assert set(found(tmp_path / "in.mkv", make()).kinds.tolist()) == {kind}


def test_credits_and_black_frames_make_no_colour_film_gray(tmp_path):
    path, credit = tmp_path / "in.mkv", BLACK[0].copy()
    cv2.putText(credit, "THE END", (20, 50), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    film = found(path, BLACK + colors(10) + [credit] * 9 + BLACK + grays(10) + BLACK)
    assert film.kinds.tolist() == [COLOR] * 29 + [GRAY] * 15


def test_frames_of_another_size_are_judged_too(tmp_path):
    write_resized_ts(tmp_path / "in.ts", (64, 96), (128, 192))
    film = shots.Shots.found(tmp_path / "in.ts", tmp_path / "shots.npz")
    assert film.in_color.all() and len(film.kinds) == 24


def test_what_was_found_is_kept(tmp_path):
    path = tmp_path / "in.mkv"
    film = found(path, grays(10) + colors(10, 10))
    path.unlink()
    again = shots.Shots.found(path, path.with_suffix(".npz"))
    assert all(np.array_equal(*pair) for pair in zip(film.__dict__.values(),
                                                     again.__dict__.values(), strict=True))


def test_a_long_film_in_colour_is_known_by_a_few_of_its_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(shots, "SURE", 3)
    found(tmp_path / "in.mkv", colors(48))
    assert shots.is_in_color(tmp_path / "in.mkv")
    assert shots_of(tmp_path / "in.mkv", None, tmp_path / "nothing is written here") is None
    found(tmp_path / "half.mkv", grays(20) + colors(28, 20))
    assert not shots.is_in_color(tmp_path / "half.mkv")
