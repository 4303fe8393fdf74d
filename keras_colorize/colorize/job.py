"""A job: which inputs became which files, and how far that has come, kept on disk."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NotRequired, TypedDict

from keras_colorize.colorize.inputs import Work
from keras_colorize.errors import SettingsMismatch, UsageError, changes
from keras_colorize.files import clear_partial, locked, read_json, write_json

MANIFEST = "colorize.json"
JOURNAL = "colorize.jsonl"
SUFFIX = ".job"  # of the folder beside an output file
NOT_OURS = ("exists and was not coloured by this command", "name another --out")
PARTS = ".parts"  # pages and pieces of films that are not whole yet


def with_suffix(names: Iterable[str], suffix: str) -> dict[str, str]:
    """Gives each name another suffix; names that would become one keep their own suffix too.

    So `1.png` and `1.jpg` become `1.png.webp` and `1.jpg.webp`.
    """
    short = {name: str(PurePosixPath(name).with_suffix(suffix)) for name in names}
    counts, taken = Counter(short.values()), set()
    for name, new in short.items():
        new = name + suffix if counts[new] > 1 and new != name else new
        while new in taken:
            new += suffix
        taken.add(new)
        short[name] = new
    return short


class _Manifest(TypedDict):
    """The manifest of a job."""

    model: str
    edge_model: str | None
    settings: dict
    sources: dict[str, str]
    of_series: NotRequired[list[str]]
    """The names of the settings that the series decided then."""


class Job:
    """A job directory: the output folder itself, or `NAME.job` beside an output file.

    It holds a manifest of models (by digest), settings and sources; a journal, which gets a line as
    soon as a page is written; and the parts of files that are not whole yet.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.records: dict[str, dict] = {}
        self.sources: dict[str, str] = {}

    @contextmanager
    def claimed(self, made_by: dict, works: list[Work]) -> Iterator["Job"]:
        """Opens the job for this process, if the models' digests and settings are as before.

        Raises:
            SettingsMismatch: it was begun with other models or settings, or from other sources.
            UsageError: the folder is no job of ours, another process works on it, or a file that is
                to be written exists and is none of ours.
        """
        self._check(made_by, works)
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock", self.folder):
            clear_partial(self.folder)
            known = self._manifest()["sources"] if self._is_begun() else {}
            self.sources = known | {work.name: os.path.realpath(work.source) for work in works}
            write_json(self.folder / MANIFEST, {**made_by, "sources": self.sources})
            self._read_journal()
            self._forget_failures({work.name for work in works})
            with open(self.folder / JOURNAL, "a", encoding="utf-8") as self._journal:
                yield self

    def begun_with(self) -> tuple[dict, list[str]]:
        """Returns the settings of a job that is begun, and which of them its series decided."""
        before = self._manifest() if self._is_begun() else {}
        return before.get("settings", {}), before.get("of_series", [])

    def record(self, key: str, record: dict) -> None:
        """Notes the record of a page or a film in the journal, in place of any record before."""
        self.records[key] = record
        self._journal.write(json.dumps({"page": key, **record}) + "\n")
        self._journal.flush()

    def is_done(self, key: str, sha256: str, place: Path) -> bool:
        """Whether a page or file of this hash was coloured before, and `place` still holds it."""
        record = self.records.get(key, {})
        if record.get("sha256") != sha256 or "error" in record or not place.is_file():
            return False
        return place.stat().st_size == record.get("bytes", place.stat().st_size) \
            and self.has_layers(key)

    def has_layers(self, key: str) -> bool:
        """Whether the layers of a page are there, if any were written."""
        layers = self.records.get(key, {}).get("layers")
        return layers is None or (self.folder / layers).is_file()

    def parts(self, name: str, sha256: str) -> Path:
        """Makes the folder for the parts of a file, without what was made of another source."""
        folder = self._parts(name)
        source = folder / "source"
        if folder.exists() and not (source.is_file() and source.read_text() == sha256):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        source.write_text(sha256)
        return folder

    def forget_parts(self, name: str) -> None:
        """Removes the parts of a file, once it is whole."""
        shutil.rmtree(self._parts(name), ignore_errors=True)
        if not any((self.folder / PARTS).iterdir()):
            (self.folder / PARTS).rmdir()

    def _parts(self, name: str) -> Path:
        return self.folder / PARTS / hashlib.sha256(name.encode()).hexdigest()[:16]

    def _check(self, made_by: dict, works: list[Work]) -> None:
        if not self._is_begun():
            taken = [self.folder] if self.folder.exists() and any(self.folder.iterdir()) else []
            for place in taken + [work.target for work in works if os.path.lexists(work.target)]:
                raise UsageError(place, *NOT_OURS)
            return
        before = self._manifest()
        target, made = works[0].target, self.folder
        if made == target.with_name(target.name + SUFFIX):
            made = f"{target} and {made}"
        remedy = f"name another --out, give what it was, or remove {made} to begin anew"
        for part, what in (("model", "by another model"), ("edge_model", "by another edge model")):
            if before.get(part) != made_by[part]:
                raise SettingsMismatch(self.folder, f"was coloured {what}", remedy)
        settings, was = made_by["settings"], before["settings"]
        if settings["keyframes"]:  # they may be added: the record of each film says what told it
            was = {**was, "keyframes": settings["keyframes"]}
        if other := changes(was, settings):
            raise SettingsMismatch(self.folder, f"was coloured with other settings ({other})",
                                   remedy)
        for work in works:
            known = before["sources"].get(work.name)
            if known is None and os.path.lexists(work.target):
                raise UsageError(work.target, *NOT_OURS)
            if known not in (None, os.path.realpath(work.source)):
                raise SettingsMismatch(self.folder / work.name, f"was coloured from {known}",
                                       "name another --out")

    def _is_begun(self) -> bool:
        return (self.folder / MANIFEST).exists()

    def _manifest(self) -> "_Manifest":
        return read_json(self.folder / MANIFEST, _Manifest, UsageError, "name another --out")

    def _read_journal(self) -> None:
        path = self.folder / JOURNAL
        if not path.exists():
            return
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        if lines[-1]:  # the process was killed while it wrote: the next line is to be one again
            with open(path, "a", encoding="utf-8") as journal:
                journal.write("\n")
        for line in lines:
            with suppress(ValueError, KeyError, TypeError, AttributeError):  # a line cut short
                record = json.loads(line)
                self.records[record.pop("page")] = record

    def _forget_failures(self, names: set[str]) -> None:
        """Forgets failures of files that are tried again, and of files that no longer exist."""
        names = names | {name for name, source in self.sources.items()
                         if not os.path.lexists(source)}
        for key in [key for key, record in self.records.items() if "error" in record]:
            if not names.isdisjoint((key, *map(str, PurePosixPath(key).parents))):
                del self.records[key]
