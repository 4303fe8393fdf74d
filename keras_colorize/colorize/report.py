"""What became of every page and film: the command's lines, `report.json`, and one HTML page."""

import base64
import html
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from keras_colorize import media
from keras_colorize.files import whole_file, write_json
from keras_colorize.image import pixels

FLAGGED = 2.0  # of 255 levels: a luminance that changed by more is reported
COPIED = "copied untouched"
CONVERTED = "written anew in the chosen format"
THUMBNAIL = 240  # pixels of its longer side

_STYLE = """body{font:14px sans-serif;margin:2em;max-width:72em}table{border-collapse:collapse}
td,th{border-top:1px solid #ccc;padding:.4em .8em;text-align:left;vertical-align:top}
img{max-height:240px;margin-right:4px}.bad{color:#b00}.note{color:#666}"""


@dataclass
class Report:
    """What became of the files and pages of one call."""

    colored: dict[Path, str] = field(default_factory=dict)
    """What coloured each page (a book's under the book's name): a model, or the words `COPIED` or
    `CONVERTED`."""
    found_done: int = 0
    failed: list[str] = field(default_factory=list)
    films: list[str] = field(default_factory=list)
    """A line on each film that was coloured."""
    damaged: list[str] = field(default_factory=list)
    """A line on each entry of a book that could not be read, and what became of it."""
    flagged: list[str] = field(default_factory=list)
    """The pages whose luminance changed by more than line lock allows."""
    notes: Counter[str] = field(default_factory=Counter)
    """What is to be known of how pages were coloured, and of how many of them."""
    place: Path | None = None
    """The folder of `report.json` and `report.html`."""

    def lines(self, out: Path) -> list[str]:
        """What to tell the user."""
        by = Counter(self.colored.values())
        in_color = [(by.pop(done, 0), done) for done in (COPIED, CONVERTED)]
        lines = [*self.films, *self.damaged]
        lines += [f"{page}: luminance changed by more than {FLAGGED:.0f} of 255 levels"
                  for page in self.flagged]
        lines += [f"{out}: {count} of the pages: {note}" for note, count in self.notes.items()]
        lines += [f"{out}: {count} coloured by {name}" for name, count in by.items()]
        lines += [f"{out}: {count} in colour, {done}" for count, done in in_color if count]
        if self.found_done:
            lines.append(f"{out}: {self.found_done} done already")
        return [*lines, f"look at {self.place / 'report.html'}"]


def thumbnails(before: np.ndarray, after: np.ndarray) -> list[str]:
    """Two pictures, uint8 or uint16, RGB or gray, small, as JPEG in base64."""
    return [_thumbnail(picture) for picture in (before, after)]


def _thumbnail(picture: np.ndarray) -> str:
    while min(picture.shape[:2]) > 2 * THUMBNAIL:
        picture = pixels.halved(picture)
    small = pixels.eight_bits(pixels.shrunk(picture, THUMBNAIL))
    return base64.b64encode(media.encode_picture(small, ".jpg")).decode()


def is_flagged(record: dict) -> bool:
    """Whether a page's luminance changed by more than line lock allows, in a lossless file."""
    return record.get("lock") == "luminance" and record.get("lossless", False) \
        and record["luminance_change"] > FLAGGED


def write(folder: Path, title: str, made_by: dict, records: dict[str, dict]) -> None:
    """Writes `report.json` and `report.html` into a job's folder, each whole or not at all."""
    pages = [{"page": key, **{name: value for name, value in record.items()
                              if name != "thumbnails"}}
             for key, record in sorted(records.items(), key=_reading_order)]
    for page in pages:
        page["flagged"] = is_flagged(page)
    counts = {"failed": sum("error" in page for page in pages),
              "flagged": sum(page["flagged"] for page in pages)}
    for kind in sorted({page["kind"] for page in pages if "kind" in page}):
        counts[kind] = sum(page.get("kind") == kind for page in pages)
    write_json(folder / "report.json", {"out": title, **made_by, "counts": counts, "pages": pages})
    with whole_file(folder / "report.html") as temporary:
        temporary.write_text(_html(title, counts, pages, records), encoding="utf-8")


def _reading_order(item: tuple[str, dict]) -> list:
    return media.natural_order(item[0])


def _html(title: str, counts: dict, pages: list[dict], records: dict[str, dict]) -> str:
    rows = "\n".join(_row(page, records[page["page"]].get("thumbnails", ())) for page in pages)
    said = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.items())
    name = html.escape(title)
    return (f'<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>{name}</title>\n'
            f"<style>{_STYLE}</style>\n<h1>{name}</h1>\n<p>{said}</p>\n<table>\n"
            "<tr><th>page</th><th>before and after</th><th>what it is</th><th>by</th>"
            f"<th>luminance changed by</th></tr>\n{rows}\n</table></html>\n")


def _row(page: dict, pictures: list[str]) -> str:
    name = html.escape(page["page"])
    if "error" in page:
        return f'<tr><td>{name}</td><td colspan="4" class="bad">{html.escape(page["error"])}</td>'
    shown = "".join(f'<img alt="" src="data:image/jpeg;base64,{picture}">' for picture in pictures)
    scores = ", ".join(f"{kind.replace('_', ' ')} {score}"
                       for kind, score in page.get("scores", {}).items())
    notes = "".join(f'<br><span class="note">{html.escape(note)}</span>'
                    for note in page.get("notes", ()))
    change = f"{page['luminance_change']:.2f} of 255" if "luminance_change" in page else ""
    flag = ' class="bad"' if page["flagged"] else ""
    return (f"<tr><td>{name}</td><td>{shown}</td><td>{page['kind'].replace('_', ' ')}<br>"
            f'<span class="note">{scores}</span>{notes}</td>'
            f"<td>{html.escape(page.get('model', ''))}</td><td{flag}>{change}</td></tr>")
