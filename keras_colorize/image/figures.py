"""Figures as PNG: pictures side by side and loss curves; and a choice of which pictures to show."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from keras_colorize.files import whole_file

FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
GAP = 4  # pixels between pictures
LETTER = 9  # pixels left of the pictures for each letter of the longest name


def evenly(total: int, most: int) -> list[int]:
    """Picks at most `most` of the numbers below `total`, evenly spaced, with the first and last."""
    return sorted(set(np.linspace(0, total - 1, min(total, most)).round().astype(int).tolist()))


def tile(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Lays out pictures of one size, in rows of one length, on a white ground.

    Args:
        rows: uint8 pictures, [h, w, 3] RGB or [h, w] gray.

    Returns:
        uint8 RGB [rows * (h + gap), columns * (w + gap), 3], a gap below and right of each.
    """
    def framed(picture: np.ndarray) -> np.ndarray:
        rgb = picture if picture.ndim == 3 else np.dstack([picture] * 3)
        return np.pad(rgb, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)

    return np.vstack([np.hstack([framed(picture) for picture in row]) for row in rows])


def picture_grid(path: Path, rows: dict[str, Sequence[np.ndarray]]) -> None:
    """Writes named rows of pictures (figures 6, 10 and 11 of the paper), pixel for pixel."""
    canvas = tile(list(rows.values()))
    margin = 20 + LETTER * max(map(len, rows))
    height, width = canvas.shape[:2]
    sheet = Image.new("RGB", (margin + width, height), "white")
    sheet.paste(Image.fromarray(canvas), (margin, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.truetype(FONT, 14)
    for row, name in enumerate(rows):
        draw.text((margin - 10, (row + 0.5) * height / len(rows)), name, "black", font, "rm")
    with whole_file(path) as temporary:
        sheet.save(temporary, compress_level=1)


def loss_curves(path: Path, title: str, per_epoch: dict[str, tuple[list[int], list[float]]],
                per_batch: tuple[list[int], list[float]]) -> None:
    """Writes a loss per epoch and per batch, side by side (figures 7, 8 and 9 of the paper).

    Args:
        per_epoch: for "train" and "validation" the epochs and the mean losses.
        per_batch: the batches since the run began and their raw losses.
    """
    figure = Figure(figsize=(10, 3.6), dpi=100)
    figure.subplots_adjust(0.07, 0.14, 0.98, 0.91, 0.16)  # "constrained" takes twice the time
    epochs, batches = figure.subplots(1, 2)
    for name, (steps, values) in per_epoch.items():
        epochs.plot(steps, values, marker="o", markersize=3, label=name)
    epochs.set(title=f"{title} per epoch", xlabel="epoch")
    epochs.legend()
    batches.plot(*per_batch, linewidth=0.5)
    batches.set(title=f"{title} per batch", xlabel="batch")
    write(figure, path)


def write(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, whole or not at all."""
    with whole_file(path) as temporary:
        figure.savefig(temporary)
