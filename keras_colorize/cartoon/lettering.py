"""Lettering of manga pages: katakana and capitals as strokes of a pen, since a font may be absent.

A glyph is some strokes, a stroke some points, and a point two digits: its column and its row in a
square of 9.
"""

import numpy as np

from keras_colorize.cartoon.drawing import Pen

KATAKANA = {
    "ア": "11 81 54/44 37 19", "イ": "81 44 06/54 59", "ウ": "50 52/15 12 82 76 39",
    "エ": "21 81/51 58/08 98", "カ": "03 83 78 57/40 45 19", "キ": "13 82/06 95/40 69",
    "ク": "40 15/32 82 67 29", "ケ": "30 15/23 93/63 66 39", "コ": "12 82 88/08 88",
    "サ": "03 93/31 36/71 75 49", "シ": "21 42/14 35/19 58 93", "ス": "11 81 56 09/55 99",
    "ソ": "11 34/81 75 39", "タ": "40 15/32 82 67 29/34 66", "チ": "72 24/05 95/51 56 29",
    "ツ": "12 25/41 44/81 75 29", "テ": "21 81/04 94/54 56 29", "ト": "30 39/34 86",
    "ナ": "04 94/50 55 29", "ニ": "22 72/08 98", "ノ": "81 65 19", "ハ": "32 34 09/62 99",  # noqa: RUF001
    "マ": "12 92 57/35 69", "ミ": "21 83/24 76/17 89", "メ": "70 55 19/33 88",
    "モ": "21 81/14 94/41 48 88", "ヤ": "14 92 75/31 59", "ヨ": "12 82 88 18/15 85",
    "ラ": "21 81/14 84 68 39", "リ": "21 26/71 76 49", "ル": "31 36 19/61 69 96",
    "レ": "21 29 85", "ロ": "12 82 88 18 12", "ワ": "15 12 82 76 39", "ン": "12 44/19 58 93",
    "ー": "50 59", "゛": "80 93/60 73", "ッ": "35 47/64 76/95 88 59", "!": "50 56/58 59",
    "?": "22 40 61 72 54 46/48 49", "…": "41 42/54 55/47 48", "、": "71 83",
}
CAPITALS = {
    "A": "09 30 69/16 56", "B": "00 09 49 67 55 05/00 40 52 45", "C": "61 40 20 02 07 29 49 68",
    "D": "00 09 39 66 63 30 00", "E": "60 00 09 69/05 45", "F": "60 00 09/05 45",
    "G": "61 40 20 02 07 29 49 67 65 35", "H": "00 09/60 69/05 65", "I": "30 39",
    "K": "00 09/60 05/25 69", "L": "00 09 69", "M": "09 00 35 60 69", "N": "09 00 69 60",
    "O": "20 02 07 29 49 67 62 40 20", "P": "09 00 40 62 63 45 05",
    "R": "09 00 40 62 63 45 05/35 69", "S": "61 40 20 02 03 25 45 66 67 49 19 08",
    "T": "00 60/30 39", "U": "00 07 29 49 67 60", "V": "00 39 60", "W": "00 19 34 59 60",
    "Y": "00 34 60/34 39", "'": "30 32", ",": "38 29", ".": "38 39", "!": "30 36/38 39",
    "?": "02 10 50 62 34 36/38 39", "-": "15 55", " ": "",
}
VOICED = {"ガ": "カ", "ゴ": "コ", "ザ": "サ", "ダ": "タ", "ド": "ト", "バ": "ハ",
          "ゲ": "ケ", "ズ": "ス"}
COLUMN, ROW = 1.3, 1.15  # sizes of a katakana from column to column, and from glyph to glyph
ADVANCE, LINE = 0.82, 1.5  # heights of a capital from letter to letter, and from line to line


def write(pen: Pen, part: str, text: str, size: float, bold: float = 0.11,
          line: float = 0) -> None:
    """Writes text with its middle at the pen's origin.

    Katakana stand in columns from right to left, capitals in lines; "/" begins the next one.

    Args:
        part: of the pen's palette, the colour of the letters.
        size: the height of a letter, in the pen's units.
        bold: the width of the strokes, as a share of the size.
        line: the width of the outline around them.
    """
    rows = text.split("/")
    longest = max(map(len, rows))
    upright = text[0] not in CAPITALS
    for nth, row in enumerate(rows):
        for k, letter in enumerate(row):
            if upright:
                x = ((len(rows) - 1) / 2 - nth) * COLUMN - 0.5
                y = (k - longest / 2) * ROW
            else:
                x, y = (k - len(row) / 2) * ADVANCE, (nth - (len(rows) - 1) / 2) * LINE - 0.5
            _glyph(pen.moved(x * size, y * size, size / 10), part, letter, 10 * bold,
                   line / size * 10)


def _glyph(pen: Pen, part: str, letter: str, width: float, line: float) -> None:
    """Draws one letter in a square of 10 units: all its outlines first, or they would cross it."""
    strokes = (KATAKANA | CAPITALS).get(VOICED.get(letter, letter), "").split("/")
    strokes += KATAKANA["゛"].split("/") if letter in VOICED else []
    lines = [np.array([[int(digit) for digit in point] for point in stroke.split()])
             for stroke in strokes if stroke]
    for outline in ((line, 0) if line else (0,)):
        for points in lines:
            pen.stroke(part, points, width, outline)
