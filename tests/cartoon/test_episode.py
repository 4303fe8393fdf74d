"""Claims about the cartoon: what it shows, that its masks are true, and that its video is whole."""

import collections
import itertools

import av
import cv2
import numpy as np
import pytest

from keras_colorize.cartoon import cast, drawing, episode, sets
from keras_colorize.cartoon.episode import SHOTS, SIZE

SPACED = range(0, episode.length(), 37)
TWINS = ("rosa", "indigo")


@pytest.fixture(scope="module")
def frames() -> dict[int, np.ndarray]:
    """Frames from all over the episode, by index."""
    return {index: episode.draw_frame(index) for index in SPACED}


def first_frame(number: int) -> int:
    return sum(shot.frames for shot in SHOTS[:number])


def posed(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A character alone, waving, on black: its picture, and its parts' labels by palette order."""
    canvas = drawing.Canvas()
    labels = {part: label for label, part in enumerate(episode.PALETTES[name], 1)}
    matrix = np.array([[1.5, 0, 320], [0, 1.5, 330]])
    pen = drawing.Pen(canvas, episode.PALETTES[name], labels, matrix, 2.4)
    cast.draw_character(pen, name, cast.pose("wave", 3))
    return canvas.picture(), canvas.labels()


def test_a_frame_has_the_same_bytes_whenever_it_is_drawn(frames):
    episode._drawing.cache_clear()
    episode._background.cache_clear()
    for index, frame in reversed(frames.items()):
        np.testing.assert_array_equal(episode.draw_frame(index), frame)


def test_every_frame_is_an_rgb_picture_of_the_stated_size(frames):
    for frame in frames.values():
        assert frame.shape == (*SIZE, 3) and frame.dtype == np.uint8


@pytest.mark.parametrize("index", [-1, episode.length()])
def test_an_index_outside_the_episode_is_refused(index):
    for function in (episode.draw_frame, episode.shot_of, episode.part_masks):
        with pytest.raises(IndexError):
            function(index)


def test_a_changed_frame_does_not_change_the_next_drawing_of_it():
    episode.draw_frame(10)[:] = 0
    assert episode.draw_frame(10).any()


def test_shots_are_numbered_in_order_and_neighbours_are_in_different_places():
    numbers = [episode.shot_of(index) for index in range(episode.length())]
    assert collections.Counter(numbers) == {k: shot.frames for k, shot in enumerate(SHOTS)}
    assert numbers == sorted(numbers)
    assert all(a.place != b.place for a, b in itertools.pairwise(SHOTS))


def test_the_inside_of_every_part_has_its_palette_colour(frames):
    inside, right = collections.Counter(), collections.Counter()
    for index, frame in frames.items():
        if SHOTS[episode.shot_of(index)].fade:
            continue
        for key, mask in episode.part_masks(index).items():
            name, part = key.split(".")
            colors = frame[cv2.erode(mask.astype(np.uint8), np.ones((5, 5))) > 0]
            inside[key] += len(colors)
            right[key] += (colors == episode.PALETTES[name][part]).all(axis=1).sum()
    assert {"rosa.hair", "indigo.hair", "pim.fur", "bolt.shell"} <= set(+inside)
    assert {key: right[key] / count for key, count in inside.items() if count} == pytest.approx(
        dict.fromkeys(+inside, 1.0), abs=0.03)


def test_parts_do_not_overlap_and_make_up_their_characters():
    for index in SPACED:
        parts, characters = episode.part_masks(index), episode.character_masks(index)
        together, apart = (sum(masks.values(), np.zeros(SIZE, np.uint8))
                           for masks in (parts, characters))
        assert together.max() <= 1
        np.testing.assert_array_equal(together, apart)
        assert set(characters) <= set(episode.CHARACTERS)
        assert all(mask.dtype == bool and mask.any() for mask in characters.values())


def test_the_twins_differ_in_nothing_but_hair_colour():
    palettes = [dict(episode.PALETTES[name]) for name in TWINS]
    assert palettes[0].pop("hair") != palettes[1].pop("hair")
    assert palettes[0] == palettes[1]

    (rosa, rosa_labels), (indigo, indigo_labels) = map(posed, TWINS)
    np.testing.assert_array_equal(rosa_labels, indigo_labels)
    hair = rosa_labels == 1 + list(episode.PALETTES["rosa"]).index("hair")
    apart = np.abs(rosa.astype(int) - indigo).max(axis=2)
    assert hair.sum() > 2000 and apart[hair].mean() > 100
    assert apart[cv2.dilate(hair.astype(np.uint8), np.ones((5, 5))) == 0].max() <= 10


def test_the_hair_of_the_twins_can_be_told_apart_in_gray():
    rosa, indigo = (np.dot(episode.PALETTES[name]["hair"], (0.299, 0.587, 0.114)) for name in TWINS)
    assert abs(rosa - indigo) > 40


def test_the_episode_has_black_frames_on_which_nobody_is_seen():
    black = [index for index in range(episode.length())
             if SHOTS[episode.shot_of(index)].fade and not episode.draw_frame(index).any()]
    assert len(black) >= 16
    assert episode.character_masks(black[0]) == {} == episode.part_masks(black[0])


def test_drawings_change_every_second_frame_and_are_held_for_longer():
    number = next(k for k, shot in enumerate(SHOTS) if shot.hold)
    start, (held, moving) = first_frame(number), SHOTS[number].hold
    frames = [episode.draw_frame(start + k).tobytes() for k in range(SHOTS[number].frames)]
    assert frames[::2] == frames[1::2]
    assert len(set(frames[2 * held:2 * moving])) == 1
    assert len(set(frames)) > 8


def test_a_pan_moves_the_whole_picture_sideways():
    number = next(k for k, shot in enumerate(SHOTS) if shot.pan >= 100)
    start, shot = first_frame(number), SHOTS[number]
    moved = round(shot.pan * 8 / episode.FRAMES_PER_SECOND * shot.camera[2])
    before, after = (episode.draw_frame(start + k).astype(int) for k in (0, 8))
    nobody = [~np.any([*episode.character_masks(start + k).values()], axis=0) for k in (0, 8)]
    background = nobody[0][:, moved:] & nobody[1][:, :-moved]
    apart = np.abs(before[:, moved:] - after[:, :-moved])[background]
    assert moved > 20 and apart.mean() < 1 < 10 < np.abs(before - after).mean()


def test_every_place_and_every_character_is_seen_in_many_shots():
    places = collections.Counter(shot.place for shot in SHOTS)
    assert set(places) == set(sets.SET_PALETTES) and min(places.values()) >= 4
    seen = collections.Counter(
        name for number, shot in enumerate(SHOTS)
        for name, mask in episode.character_masks(first_frame(number) + shot.frames // 4).items()
        if mask.sum() > 1000)
    assert set(seen) == set(episode.CHARACTERS) and min(seen.values()) >= 8


def test_a_close_up_of_the_creature_fills_the_frame():
    filled = [episode.character_masks(first_frame(number))["pim"].mean()
              for number, shot in enumerate(SHOTS) if [role.name for role in shot.roles] == ["pim"]]
    assert max(filled) > 0.7


def test_the_picture_is_far_from_gray(frames):
    errors = []
    for frame in frames.values():
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None]
        errors.append(np.abs(frame.astype(int) - gray).mean())
    assert np.mean(errors) > 35


def test_a_written_video_has_the_same_frames_and_nearly_the_same_colours(tmp_path):
    path, chosen = tmp_path / "part.mp4", slice(90, 120)
    episode.write_video(path, chosen)
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == episode.FRAMES_PER_SECOND
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    drawn = [episode.draw_frame(index) for index in range(episode.length())[chosen]]
    assert len(decoded) == len(drawn)
    assert np.abs(np.array(decoded, int) - np.array(drawn, int)).mean() < 3
    assert [file.name for file in tmp_path.iterdir()] == ["part.mp4"]


def test_an_interrupted_video_leaves_no_file_and_keeps_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "part.mp4"
    path.write_bytes(b"old")

    def interrupt(index: int) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(episode, "draw_frame", interrupt)
    with pytest.raises(KeyboardInterrupt):
        episode.write_video(path, slice(0, 3))
    assert [file.name for file in tmp_path.iterdir()] == ["part.mp4"]
    assert path.read_bytes() == b"old"


def test_a_video_that_cannot_be_written_is_an_operating_system_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        episode.write_video(tmp_path / "file" / "part.mp4", slice(0, 3))
