"""One page of a visitor's book, and how far it is."""

from dataclasses import dataclass, field
from pathlib import Path

from keras_colorize.colorize import Settings

WORDS = {"--lock ink lays its ink over colours": "keep its ink in place of its luminance",
         "--format png keeps it": "PNG keeps it",
         "--treat-as gray colours it anew": "treated as gray it is coloured anew",
         "since no --edge-model was given": "since the server has none for line art"}


@dataclass
class Page:
    """A page by its number, and its name, which is a label."""

    number: int
    name: str
    settings: Settings
    state: str = "waiting"
    """`waiting`, `coloring`, `done` or `failed`."""
    version: int = 0
    """Of its colouring: rises whenever that is asked for anew."""
    changed: int = 0
    """The book's count of changes when this page last changed."""
    error: str | None = None
    outdated: Path | None = None
    """The strokes that it was coloured by before, which may be read at this moment."""
    record: dict = field(default_factory=dict)
    """What the colorizer reports of it, once it is done."""

    def described(self) -> dict:
        """The page as JSON."""
        said = {"number": self.number, "name": self.name, "state": self.state,
                "version": self.version, "changed": self.changed, "error": self.error,
                "hints": bool(self.settings.hints), "lock": self.settings.lock,
                "treat_as": self.settings.treat_as}
        for key in ("kind", "scores", "luminance_change", "format", "thumbnails"):
            if key in self.record:
                said[key] = self.record[key]
        said["notes"] = [_in_words(note) for note in self.record.get("notes", ())]
        return said


def _in_words(note: str) -> str:
    """A note without the command's flags, which the page has other words for."""
    for flags, words in WORDS.items():
        note = note.replace(flags, words)
    return note
