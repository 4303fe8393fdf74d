"""The episode of the cartoon: its frames by index, with the masks of all that is in them.

It makes colouring hard on purpose: twins who differ in hair colour alone, close-ups, changing
places, held drawings, captions and fades to black. The same index always gives the same bytes.
"""

import bisect
import functools
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from keras_colorize.cartoon.cast import CHARACTERS, PALETTES, draw_character, pose
from keras_colorize.cartoon.drawing import SIZE, Canvas, Pen
from keras_colorize.cartoon.sets import SET_PALETTES, draw_set
from keras_colorize.cartoon.storyboard import SHOTS, Shot
from keras_colorize.files import whole_file

FRAMES_PER_SECOND = 24
OUTLINE_WIDTH = 2.4
PANELS = ((40, 40, 720, 1280), (800, 40, 560, 620), (800, 700, 560, 620), (1400, 40, 560, 1280))
"""Top, left, height and width of the panels of a page."""

_STARTS = (0, *itertools.accumulate(shot.frames for shot in SHOTS))
_PARTS = tuple((name, part) for name, palette in PALETTES.items() for part in palette)
_LABELS = {name: {part: label for label, (owner, part) in enumerate(_PARTS, 1) if owner == name}
           for name in CHARACTERS}


def length() -> int:
    """Returns the number of frames of the whole episode."""
    return _STARTS[-1]


def shot_of(index: int) -> int:
    """Returns the number, from 0 on, of the shot that a frame belongs to.

    This and all functions below raise IndexError for a frame outside the episode.
    """
    if not 0 <= index < length():
        raise IndexError(f"frame {index} is outside the episode's 0..{length() - 1}")
    return bisect.bisect_right(_STARTS, index) - 1


def draw_frame(index: int) -> np.ndarray:
    """Draws a frame, uint8 [360, 640, 3] RGB, which the caller may change."""
    canvas, brightness = _frame(index)
    return cv2.convertScaleAbs(canvas.picture(), alpha=brightness)


def draw_large_frame(index: int) -> np.ndarray:
    """Draws the same frame at twice its size, uint8 [720, 1280, 3]."""
    canvas, brightness = _frame(index)
    return cv2.convertScaleAbs(canvas.large_picture(), alpha=brightness)


def draw_page(indices: Sequence[int]) -> np.ndarray:
    """Draws a comic page of four panels, uint8 [2000, 1360, 3]; each panel shows a frame's middle.

    Raises ValueError where there are not four frames.
    """
    page = np.full((2000, 1360, 3), 255, np.uint8)
    for index, (top, left, height, width) in zip(indices, PANELS, strict=True):
        frame = draw_large_frame(index)
        row, column = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
        page[top:top + height, left:left + width] = frame[row:row + height, column:column + width]
        cv2.rectangle(page, (left, top), (left + width, top + height), (0, 0, 0), 6, cv2.LINE_AA)
    return page


def restage(index: int, caption: str = "", brightness: float = 1.0) -> np.ndarray:
    """Draws a frame as `draw_frame` does, but with this caption and this brightness, 0..1.

    Beside the same frame it shows how a model bears a caption, or the dark.
    """
    number, shot, frame = _place(index)
    canvas = _drawing(number, shot.drawing(frame), shot.center(frame), caption)
    return cv2.convertScaleAbs(canvas.picture(), alpha=brightness)


def brightness_of(index: int) -> float:
    """Returns how bright a frame is shown, 0..1: 0 is black."""
    _, shot, frame = _place(index)
    return shot.brightness(frame)


def character_masks(index: int) -> dict[str, np.ndarray]:
    """Returns the visible pixels, bool [360, 640], of every character in a frame, by name.

    Later characters and the caption hide what is below them. A fully black frame shows nobody.
    """
    masks: dict[str, np.ndarray] = {}
    for key, mask in part_masks(index).items():
        name = key.split(".")[0]
        masks[name] = masks[name] | mask if name in masks else mask
    return masks


def part_masks(index: int) -> dict[str, np.ndarray]:
    """Returns the visible pixels, bool [360, 640], of every part in a frame, by "name.part".

    The parts are those of PALETTES, such as "rosa.hair"; they do not overlap, and the dark lines
    around them are a part of their own, "outline".
    """
    canvas, brightness = _frame(index)
    if brightness == 0:
        return {}
    labels = canvas.labels()
    return {".".join(_PARTS[label - 1]): labels == label for label in np.unique(labels) if label}


def write_video(path: str | os.PathLike[str], frames: slice | None = None) -> None:
    """Writes the episode, or the given frames of it, as H.264 video at 24 frames a second.

    The file appears under its name only when whole. A progress bar shows if stderr is a terminal.

    Raises OSError where it cannot be written, ValueError for a suffix that names no container.
    """
    indices = range(length())[frames or slice(None)]
    formats = {form.name for form in av.Codec("libx264", "w").video_formats or ()}
    with whole_file(Path(path)) as temporary, av.open(str(temporary), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND,
                                      options={"crf": "12", "preset": "veryfast"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv444p" if "yuv444p" in formats else "yuv420p"
        for index in tqdm(indices, unit="frame", disable=None):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw_frame(index), "rgb24")))
        container.mux(stream.encode())


def _frame(index: int) -> tuple[Canvas, float]:
    """Draws a frame; returns it, and how bright it is shown, 0..1."""
    number, shot, frame = _place(index)
    return (_drawing(number, shot.drawing(frame), shot.center(frame), shot.caption),
            shot.brightness(frame))


def _place(index: int) -> tuple[int, Shot, int]:
    """Returns the number of a frame's shot, that shot, and the frame's number in it."""
    number = shot_of(index)
    return number, SHOTS[number], index - _STARTS[number]


@functools.lru_cache(maxsize=4)
def _drawing(number: int, drawing: int, center: float, caption: str) -> Canvas:
    shot = SHOTS[number]
    camera = (center, *shot.camera[1:])
    canvas = Canvas(_background(shot.place, *camera))
    roles = sorted(shot.roles, key=lambda role: CHARACTERS.index(role.name))
    for order, role in enumerate(roles):
        pen = Pen(canvas, PALETTES[role.name], _LABELS[role.name], _view(*camera), OUTLINE_WIDTH)
        x = role.x + role.speed * drawing * 2 / FRAMES_PER_SECOND
        draw_character(pen.moved(x, role.y, role.scale, role.mirror), role.name,
                       pose(role.action, drawing, delay=5 * order + number))
    if caption:
        canvas.caption(caption)
    return canvas


@functools.lru_cache(maxsize=2)
def _background(place: str, x: float, y: float, zoom: float) -> Canvas:
    canvas = Canvas()
    draw_set(Pen(canvas, SET_PALETTES[place], {}, _view(x, y, zoom)), place)
    return canvas


def _view(x: float, y: float, zoom: float) -> np.ndarray:
    """Returns the matrix from units of a set to pixels of a camera that looks at (x, y)."""
    height, width = SIZE
    return np.array([[zoom, 0, width / 2 - zoom * x], [0, zoom, height / 2 - zoom * y]])
