"""Every input to its output, one after the other; a bad one is told and the rest goes on."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath

import tensorflow as tf
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.colorizer import film, footage, report
from keras_colorize.colorizer import page as page_of
from keras_colorize.colorizer.ahead import together
from keras_colorize.colorizer.inputs import Work, is_file_output, works
from keras_colorize.colorizer.job import Job
from keras_colorize.colorizer.page import Models
from keras_colorize.colorizer.page_file import colored_file
from keras_colorize.colorizer.settings import Settings
from keras_colorize.errors import SourceError
from keras_colorize.files import sha256_of, whole_file

COPIED = "copied untouched"
FAILURES = (SourceError, tf.errors.ResourceExhaustedError, MemoryError)


@dataclass
class Report:
    """What became of the files and pages of one call."""

    colored: dict[Path, str] = field(default_factory=dict)
    """The model that coloured each page (a book's under the book's name), or `COPIED`."""
    found_done: int = 0
    failed: list[str] = field(default_factory=list)
    films: list[str] = field(default_factory=list)
    """A line on each film that was coloured."""
    flagged: list[str] = field(default_factory=list)
    """The pages whose luminance changed by more than line lock allows."""
    notes: Counter[str] = field(default_factory=Counter)
    """What is to be known of how pages were coloured, and of how many of them."""
    place: Path | None = None
    """The folder of `report.json` and `report.html`."""

    def lines(self, out: Path) -> list[str]:
        """What to tell the user."""
        by = Counter(self.colored.values())
        copied = by.pop(COPIED, 0)
        lines = [*self.films, *(f"{page}: luminance changed by more than {page_of.FLAGGED:.0f} of "
                                "255 levels" for page in self.flagged)]
        lines += [f"{out}: {count} of the pages: {note}" for note, count in self.notes.items()]
        lines += [f"{out}: {count} coloured by {name}" for name, count in by.items()]
        if copied:
            lines.append(f"{out}: {copied} in colour, {COPIED}")
        if self.found_done:
            lines.append(f"{out}: {self.found_done} done already")
        return [*lines, f"look at {self.place / 'report.html'}"]


def colorize(models: Models, inputs: list[Path], out: Path, settings: Settings | None = None,
             ) -> Report:
    """Colours pictures, comics, films and folders of them.

    A picture keeps its name and format. What cannot be read is reported and the rest goes on; what
    was coloured before by the same models and settings is left alone.

    Args:
        out: a folder, or the one file that a comic or a film becomes.

    Raises:
        SourceError: an input does not exist or holds nothing to colour.
        SettingsMismatch: `out` was coloured by other models, with other settings, or from others.
        UsageError: `out` would overwrite an input, is no output of ours, or two inputs would be
            one file.
    """
    settings = settings or Settings()
    suffix = media.FORMATS[settings.format.upper()] if settings.format else None
    todo = works(inputs, out, suffix)
    folder = out.with_name(f"{out.name}.job") if is_file_output(out) else out
    made_by = {"model": models.pages.digest,
               "edge_model": models.line_art and models.line_art.digest,
               "settings": settings.described()}
    done = Report(place=folder)
    perform = {"picture": _pictures, "book": partial(_each, _book), "video": partial(_each, _film)}
    with Job(folder).claimed(made_by, todo) as job:
        try:
            with tqdm(total=len(todo), unit="file", delay=2, disable=len(todo) == 1) as progress:
                for kind, some in groupby(todo, lambda work: work.kind):
                    for _ in perform[kind](job, list(some), models, settings, done):
                        progress.update()
        finally:
            done.flagged = [key for key, record in job.records.items()
                            if report.is_flagged(record)]
            report.write(folder, str(out), made_by, job.records)
    return done


def _each(perform: Callable, job: Job, todo: list[Work], models: Models, settings: Settings,
          done: Report) -> Iterator[Work]:
    """Books or films, one after the other."""
    for work in todo:
        try:
            perform(job, work, models, settings, done)
        except FAILURES as error:
            _fail(job, work.name, error, done)
        yield work


def _pictures(job: Job, todo: list[Work], models: Models, settings: Settings, done: Report,
              ) -> Iterator[Work]:
    tasks = (partial(_picture, job, work, models, settings) for work in todo)
    for work, task in zip(todo, together(tasks), strict=True):
        try:
            _note(job, work.name, work.target, task.result(), done)
        except FAILURES as error:
            _fail(job, work.name, error, done)
        yield work


def _picture(job: Job, work: Work, models: Models, settings: Settings) -> dict | None:
    """Colours a picture; what is to be recorded of it, None where that was done before."""
    try:
        file = work.source.read_bytes()
    except OSError as error:
        raise SourceError(work.source, f"cannot be read ({error.strerror})", "check it") from error
    return _written(job, work.name, work.target, file, lambda: colored_file(
        file, work.source, work.name, models, settings, work.target))


def _written(job: Job, key: str, place: Path, file: bytes,
             color: Callable[[], tuple[bytes, dict]]) -> dict | None:
    sha256 = hashlib.sha256(file).hexdigest()
    if place.exists() and job.is_done(key, sha256):
        return None
    colored, record = color()
    with whole_file(place) as temporary:
        temporary.write_bytes(colored)
    return {"sha256": sha256, **record}


def _note(job: Job, key: str, target: Path, record: dict | None, done: Report) -> None:
    if record is None:
        done.found_done += 1
        return
    job.record(key, record)
    done.colored[target] = record.get("model", COPIED)
    done.notes.update(record.get("notes", ()))


def _book(job: Job, work: Work, models: Models, settings: Settings, done: Report) -> None:
    book = media.open_book(work.source)
    sha256 = sha256_of(work.source)
    suffix = media.FORMATS[settings.format.upper()] if settings.format else None
    if work.target.exists() and job.is_done(work.name, sha256):
        done.found_done += 1
        return
    parts, replaced, failed = job.parts(work.name, sha256), {}, 0
    new_names = {name: str(PurePosixPath(name).with_suffix(suffix)) if suffix else name
                 for name in book.names}

    def tasks() -> Iterator[Callable]:
        for number, (name, read) in enumerate(book.pages()):  # which one thread alone may read
            part = parts / f"{number:05}{PurePosixPath(new_names[name]).suffix}"
            replaced[name] = (new_names[name], part)
            yield partial(_page, job, work, name, _read(read), part, models, settings)

    pages = tqdm(book.names, work.source.name, unit="page", delay=2)
    for name, task in zip(pages, together(tasks()), strict=True):
        key = f"{work.name}/{name}"
        try:
            record = task.result()
            if record is not None:
                _note(job, key, work.target / new_names[name], record, done)
        except FAILURES as error:
            _fail(job, key, error, done)  # and the book keeps the page as it was
            del replaced[name]
            failed += 1
    book.write(work.target, replaced)
    if not failed:  # else the same command tries the bad pages again
        job.record(work.name, {"sha256": sha256, "kind": "book", "pages": len(book.names)})
        job.forget_parts(work.name)


def _read(read: Callable[[], bytes]) -> bytes | SourceError:
    try:
        return read()
    except SourceError as error:
        return error


def _page(job: Job, work: Work, name: str, file: bytes | SourceError, part: Path, models: Models,
          settings: Settings) -> dict | None:
    """As `_picture`, of a page of a book."""
    if isinstance(file, SourceError):
        raise file
    return _written(job, f"{work.name}/{name}", part, file, lambda: colored_file(
        file, work.source / name, name, models, settings, work.target.with_suffix("") / name))


def _film(job: Job, work: Work, models: Models, settings: Settings, done: Report) -> None:
    sha256 = sha256_of(work.source)
    written = PurePosixPath(job.records.get(work.name, {}).get("file", work.name)).name
    if work.target.with_name(written).exists() and job.is_done(work.name, sha256):
        done.found_done += 1
        return
    if settings.hints is not None and settings.hints.is_file():
        raise SourceError(work.source, "is a film, and hints are for one page",
                          "colour it without --hints")
    is_copied = settings.treat_as in (None, "color") and (
        settings.treat_as == "color" or footage.is_colored(work.source))
    is_named = work.target != job.folder / work.name
    target = footage.place_of(work.source, work.target, is_named, is_copied)
    name = PurePosixPath(work.name).with_name(target.name).as_posix()
    if name in (record.get("file", key) for key, record in job.records.items()
                if key != work.name):
        raise SourceError(work.source, f"and another input are both to be {target}",
                          "colour them one after the other into folders of their own")
    if is_copied:
        record = footage.copy_film(work.source, target)
    else:
        parts = job.parts(work.name, sha256)
        record = {"kind": "film", "model": models.pages.name,
                  **film.color_film(work.source, target, models.pages, settings, parts)}
        job.forget_parts(work.name)
    job.record(work.name, {"sha256": sha256, "file": name, **record})
    done.colored[target] = record.get("model", COPIED)
    done.films.append(film.line(target, record))


def _fail(job: Job, key: str, error: Exception, done: Report) -> None:
    if not isinstance(error, SourceError):
        error = SourceError(key, "is too large for this machine's memory", "scale it down")
    job.record(key, {"error": str(error)})
    done.failed.append(str(error))
