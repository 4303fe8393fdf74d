"""A web page in one file: pictures inside, no script, nothing from elsewhere, readable on a phone.
"""

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from keras_colorize import media
from keras_colorize.files import whole_file

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem;
       overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8888; }
img { max-width: 100%; height: auto; display: block; }
figure { margin: 1rem 0; }
figcaption, .note { font-size: 0.85rem; opacity: 0.85; }
.wide { overflow-x: auto; margin: 1rem 0; }
.wide img { background: #fff; min-width: 36rem; }
table { border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.2rem 0.5rem; border-bottom: 1px solid #8884; text-align: right;
         overflow-wrap: normal; }
th:first-child, td:first-child { text-align: left; }
td:not(:first-child) { white-space: nowrap; }
td small { display: block; opacity: 0.8; white-space: normal; }
.pictures { display: grid; gap: 0.4rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr));
            margin-bottom: 1.2rem; }
.pictures figure { margin: 0; }
.pictures img { width: 100%; }
"""


def write(path: Path, title: str, parts: Iterable[str]) -> None:
    """Writes a page of parts, each HTML from the functions below."""
    text = "\n".join([
        "<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>", *parts, "</body></html>\n"])
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{html.escape(text)}</h{level}>"


def paragraph(text: str, note: bool = False) -> str:
    """A paragraph of plain text; a note is set smaller."""
    mark = ' class="note"' if note else ""
    return f"<p{mark}>{html.escape(text)}</p>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain text, which scrolls by itself where it is wider than the screen.

    What follows the first line of a cell is set smaller.
    """
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "\n".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>"
                     for row in rows)
    return (f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div>")


def drawing(path: Path, caption: str, wide: bool = False) -> str:
    """A PNG file, such as a plot; one that is `wide` scrolls by itself on a small screen."""
    mark = ' class="wide"' if wide else ""
    return (f'<figure{mark}>{_image(path.read_bytes(), caption)}'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>")


def pictures(named: Iterable[tuple[str, np.ndarray]], title: str = "") -> str:
    """Small pictures, uint8 [h, w, 3] or [h, w], and their names, as many in a row as fit."""
    cells = "\n".join(
        f"<figure>{_image(media.encode_picture(picture), f'{title}: {name}' if title else name)}"
        f"<figcaption>{html.escape(name)}</figcaption></figure>" for name, picture in named)
    above = f"<h4>{html.escape(title)}</h4>\n" if title else ""
    return f'{above}<div class="pictures">{cells}</div>'


def _cell(text: str) -> str:
    first, *rest = text.split("\n")
    return html.escape(first) + "".join(f"<small>{html.escape(line)}</small>" for line in rest)


def _image(png: bytes, words: str) -> str:
    encoded = base64.b64encode(png).decode("ascii")
    return f'<img alt="{html.escape(words)}" src="data:image/png;base64,{encoded}">'
