"""The report on a job: the command's lines, `report.json`, and an HTML page of small pictures."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from keras_colorize import media
from keras_colorize.data.sources import left_out
from keras_colorize.files import write_json
from keras_colorize.image import pixels
from keras_colorize.media import web_page

FLAGGED = 2.0  # of 255 levels: a luminance that changed by more is reported
COPIED = "copied untouched"
CONVERTED = "written anew in the chosen format"
THUMBNAIL = 160  # pixels of its longer side
QUALITY = 45  # of its JPEG: a book of 1,500 pages has 3,000 of them in its report


@dataclass
class Report:
    """What a call did with each file and page."""

    colored: dict[Path, str] = field(default_factory=dict)
    """The model that coloured each page (a book's under the book's name), or the words `COPIED` or
    `CONVERTED`."""
    found_done: int = 0
    """Pages of pictures and of unfinished comics, and whole comics and films, found coloured."""
    failed: list[str] = field(default_factory=list)
    films: list[str] = field(default_factory=list)
    """A line on each film that was coloured."""
    damaged: list[str] = field(default_factory=list)
    """A line on each entry of a book that could not be read, which says what was done with it."""
    flagged: list[str] = field(default_factory=list)
    """The pages whose luminance changed by more than line lock allows."""
    passed_over: list[str] = field(default_factory=list)
    """The names of files that are no picture, comic or film."""
    notes: Counter[str] = field(default_factory=Counter)
    """Notes on how pages were coloured, and on how many pages each note is."""
    hinted: Counter[str] = field(default_factory=Counter)
    """How many regions of printed pages hints `told`, flowed on to (`reached`), and were `carried`
    to."""
    place: Path | None = None
    """The folder of `report.json` and `report.html`."""

    def lines(self, out: Path) -> list[str]:
        """Returns the lines that the command prints."""
        by = Counter(self.colored.values())
        in_color = [(by.pop(done, 0), done) for done in (COPIED, CONVERTED)]
        lines = [*self.films, *self.damaged]
        lines += [f"{page}: luminance changed by more than {FLAGGED:.0f} of 255 levels"
                  for page in self.flagged]
        lines += [f"{out}: {count} of the pages: {note}" for note, count in self.notes.items()]
        if self.hinted:
            lines.append(f"{out}: regions that hints told: {self.hinted['told']}, that their "
                         f"colour flowed into: {self.hinted['reached']}, that it was carried to: "
                         f"{self.hinted['carried']}")
        lines += [f"{out}: {count} coloured by {name}" for name, count in by.items()]
        lines += [f"{out}: {count} in colour, {done}" for count, done in in_color if count]
        if self.found_done:
            lines.append(f"{out}: {self.found_done} done already")
        if self.passed_over:
            lines.append(f"{out}: {left_out(self.passed_over)}")
        return [*lines, f"look at {self.place / 'report.html'}"]


def thumbnails(*pictures: np.ndarray) -> list[str]:
    """Shrinks pictures, uint8 or uint16, RGB or gray, and returns them as JPEG in base64."""
    encoded = []
    for picture in pictures:
        while min(picture.shape[:2]) > 2 * THUMBNAIL:
            picture = pixels.halved(picture)
        small, file = pixels.eight_bits(pixels.shrunk(picture, THUMBNAIL)), io.BytesIO()
        Image.fromarray(small).save(file, "JPEG", quality=QUALITY, optimize=True)
        encoded.append(base64.b64encode(file.getvalue()).decode())
    return encoded


def is_flagged(record: dict) -> bool:
    """Tells whether a lossless page's luminance changed by more than line lock allows.

    Pages under another rule change theirs, and are not flagged.
    """
    return record.get("rule") == "luminance" and record.get("lossless", False) \
        and record["luminance_change"] > FLAGGED


def write(folder: Path, title: str, made_by: dict, records: dict[str, dict],
          passed_over: Sequence[str] = ()) -> None:
    """Writes `report.json` and `report.html` into a job's folder, each whole or not at all.

    Args:
        passed_over: the names of files that are no picture, comic or film.
    """
    pages = [{"page": key, **{name: value for name, value in record.items()
                              if name != "thumbnails"}}
             for key, record in sorted(records.items(),
                                       key=lambda item: media.natural_order(item[0]))]
    for page in pages:
        page["flagged"] = is_flagged(page)
    counts = {"failed": sum("error" in page for page in pages),
              "flagged": sum(page["flagged"] for page in pages)}
    for kind in sorted({page["kind"] for page in pages if "kind" in page}):
        counts[kind] = sum(page.get("kind") == kind for page in pages)
    write_json(folder / "report.json", {"out": title, **made_by, "counts": counts, "pages": pages,
                                        "passed_over": list(passed_over)})
    web_page.write(folder / "report.html", Path(__file__).with_name("report.html"), title=title,
                   counts=counts, pages=pages,
                   thumbnails={key: each.get("thumbnails", ()) for key, each in records.items()})
