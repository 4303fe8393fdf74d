"""Every input to its output, one after the other; a bad one is told and the rest goes on."""

import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import tensorflow as tf
from tqdm import tqdm

from keras_colorize import line_lock, media, pixels
from keras_colorize.colorizer import film, hints, layers, report
from keras_colorize.colorizer import page as page_of
from keras_colorize.colorizer.inputs import Work, is_file_output, works
from keras_colorize.colorizer.job import Job
from keras_colorize.colorizer.page import Models
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
    perform = {"picture": _picture, "book": _book, "video": _film}
    with Job(folder).claimed(made_by, todo) as job:
        try:
            for work in tqdm(todo, unit="file", delay=2, disable=len(todo) == 1):
                try:
                    perform[work.kind](job, work, models, settings, done)
                except FAILURES as error:
                    _fail(job, work.name, error, done)
        finally:
            done.flagged = [key for key, record in job.records.items()
                            if report.is_flagged(record)]
            report.write(folder, str(out), made_by, job.records)
    return done


def _picture(job: Job, work: Work, models: Models, settings: Settings, done: Report) -> None:
    try:
        file = work.source.read_bytes()
    except OSError as error:
        raise SourceError(work.source, f"cannot be read ({error.strerror})", "check it") from error
    sha256 = hashlib.sha256(file).hexdigest()
    if work.target.exists() and job.is_done(work.name, sha256):
        done.found_done += 1
        return
    colored, record = colored_file(file, work.source, work.name, models, settings, work.target)
    with whole_file(work.target) as temporary:
        temporary.write_bytes(colored)
    job.record(work.name, {"sha256": sha256, **record})
    done.colored[work.target] = record.get("model", COPIED)
    done.notes.update(record.get("notes", ()))


def colored_file(file: bytes, where: Path, name: str, models: Models, settings: Settings,
                 target: Path) -> tuple[bytes, dict]:
    """The file of a coloured page and what is to be said of it; a colour page's own bytes.

    Args:
        target: beside which the layers go, if there are to be any.
    """
    original = media.read_page(file, where)
    route = page_of.judge(original, settings.treat_as)
    style = original.style if settings.format is None else \
        media.Style.chosen(settings.format, settings.quality)
    if route.kind == "color":
        record = {"kind": "color", "scores": page_of.rounded(route.scores),
                  "thumbnails": report.thumbnails(original.shown, original.shown)}
        if style.format != original.style.format:
            return media.encode_page(original.shown, None, style, where), record
        return file, record
    strokes = hints.find(settings.hints, name)
    result = page_of.color(original, route, models, settings, strokes)
    encoded = media.encode_page(result.picture, original.alpha, style, where)
    written = media.decoded_colors(encoded, where)
    before = original.luminance if written.dtype == original.luminance.dtype else \
        pixels.eight_bits(original.luminance)
    if settings.layers:
        layers.write(target.with_suffix(".ora"), original, result)
    change = line_lock.largest_change(before, written)
    return encoded, {**result.record, "luminance_change": round(change, 3),
                     "lossless": style.lossless,
                     "thumbnails": report.thumbnails(original.shown, written)}


def _book(job: Job, work: Work, models: Models, settings: Settings, done: Report) -> None:
    book = media.open_book(work.source)
    sha256 = sha256_of(work.source)
    suffix = media.FORMATS[settings.format.upper()] if settings.format else None
    if work.target.exists() and job.is_done(work.name, sha256):
        done.found_done += 1
        return
    parts, replaced, failed = job.parts(work.name, sha256), {}, 0
    pages = tqdm(book.pages(), work.source.name, len(book.names), unit="page", delay=2)
    for number, (name, read) in enumerate(pages):
        key = f"{work.name}/{name}"
        new_name = str(PurePosixPath(name).with_suffix(suffix)) if suffix else name
        part = parts / f"{number:05}{PurePosixPath(new_name).suffix}"
        try:
            file = read()
            digest = hashlib.sha256(file).hexdigest()
            if not (part.exists() and job.is_done(key, digest)):
                colored, record = colored_file(file, work.source / name, name, models, settings,
                                               work.target.with_suffix("") / name)
                with whole_file(part) as temporary:
                    temporary.write_bytes(colored)
                job.record(key, {"sha256": digest, **record})
                done.colored[work.target / new_name] = record.get("model", COPIED)
                done.notes.update(record.get("notes", ()))
            replaced[name] = (new_name, part)
        except FAILURES as error:
            _fail(job, key, error, done)  # and the book keeps the page as it was
            failed += 1
    book.write(work.target, replaced)
    if not failed:  # else the same command tries the bad pages again
        job.record(work.name, {"sha256": sha256, "kind": "book", "pages": len(book.names)})
        job.forget_parts(work.name)


def _film(job: Job, work: Work, models: Models, settings: Settings, done: Report) -> None:
    sha256 = sha256_of(work.source)
    if work.target.exists() and job.is_done(work.name, sha256):
        done.found_done += 1
        return
    if settings.hints is not None and settings.hints.is_file():
        raise SourceError(work.source, "is a film, and hints are for one page",
                          "colour it without --hints")
    if settings.treat_as in (None, "color") and \
            (settings.treat_as == "color" or film.is_colored(work.source)):
        record = {"kind": "color"}
        with whole_file(work.target) as temporary:
            shutil.copyfile(work.source, temporary)
    else:
        parts = job.parts(work.name, sha256)
        record = {"kind": "film", "model": models.pages.name,
                  **film.color_film(work.source, work.target, models.pages, settings, parts)}
        job.forget_parts(work.name)
    job.record(work.name, {"sha256": sha256, **record})
    done.colored[work.target] = record.get("model", COPIED)
    done.films.append(film.line(work.target, record))


def _fail(job: Job, key: str, error: Exception, done: Report) -> None:
    if not isinstance(error, SourceError):
        error = SourceError(key, "is too large for this machine's memory", "scale it down")
    job.record(key, {"error": str(error)})
    done.failed.append(str(error))
