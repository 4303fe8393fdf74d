"""Every input to its output, one after the other; a bad one is told and the rest goes on."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath

import tensorflow as tf
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.colorize import film, hints, report
from keras_colorize.colorize.ahead import together
from keras_colorize.colorize.job import Job, Work, is_file_output, with_suffix, works
from keras_colorize.colorize.page import Models, colored_file
from keras_colorize.colorize.predictor import Settings
from keras_colorize.colorize.report import CONVERTED, COPIED, Report
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.files import sha256_of, whole_file
from keras_colorize.media import film_writer

FAILURES = (SourceError, tf.errors.ResourceExhaustedError, MemoryError)


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
        UsageError: `out` would overwrite an input or what is no output of ours, two inputs would be
            one file, the codec is not known, or the hints of one page are given for several.
    """
    settings = settings or Settings()
    suffix = media.FORMATS[settings.format.upper()] if settings.format else None
    todo = works(inputs, out, suffix)
    _check(settings, todo)
    folder = out.with_name(f"{out.name}.job") if is_file_output(out) else out
    made_by = {"model": models.pages.digest,
               "edge_model": models.line_art and models.line_art.digest,
               "settings": settings.described()}
    done = Report(place=folder)
    perform = {"picture": _pictures, "book": partial(_each, partial(_book, alone=len(todo) == 1)),
               "video": partial(_each, _film)}
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


def _check(settings: Settings, todo: list[Work]) -> None:
    """Raises for settings that no output can be made with, before they are written down for it."""
    if settings.codec:
        film_writer.codec_for(todo[0].target, settings.codec)
    if settings.hints is None:
        return
    if all(work.kind == "video" for work in todo):
        raise UsageError(todo[0].source, "is a film, and hints are for pages",
                         "colour it without --hints")
    if settings.hints.is_file():
        hints.read(settings.hints)
        pages = sum(map(_page_count, todo))
        if pages > 1:
            raise UsageError(settings.hints, f"is the hints of one page, and there are {pages}",
                             "give a folder of hints, named as the pages")


def _page_count(work: Work) -> int:
    try:
        return len(media.open_book(work.source).names) if work.kind == "book" else 1
    except SourceError:
        return 1  # of which is told when its turn comes


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
    layers = with_suffix([name for name in job.sources if PurePosixPath(name).suffix.lower() in
                          media.PICTURE_SUFFIXES], ".ora")
    tasks = (partial(_picture, job, work, layers[work.name], models, settings) for work in todo)
    for work, task in zip(todo, together(tasks), strict=True):
        try:
            _note(job, work.name, work.target, task.result(), done)
        except FAILURES as error:
            _fail(job, work.name, error, done)
        yield work


def _picture(job: Job, work: Work, layers: str, models: Models, settings: Settings,
             ) -> dict | None:
    """Colours a picture; what is to be recorded of it, None where that was done before."""
    try:
        file = work.source.read_bytes()
    except OSError as error:
        raise SourceError(work.source, f"cannot be read ({error.strerror})", "check it") from error
    return _written(job, work.name, work.target, layers, file, partial(
        colored_file, file, work.source, models, settings, hints.find(settings.hints, work.name)))


def _written(job: Job, key: str, place: Path, layers: str, file: bytes,
             color: Callable[[Path], tuple[bytes, dict]]) -> dict | None:
    """Writes a coloured page; `layers` is where those go within the job's folder."""
    sha256 = hashlib.sha256(file).hexdigest()
    if job.is_done(key, sha256, place):
        return None
    colored, record = color(job.folder / layers)
    with whole_file(place) as temporary:
        temporary.write_bytes(colored)
    if (job.folder / layers).is_file():
        record["layers"] = layers
    return {"sha256": sha256, "bytes": len(colored), **record}


def _note(job: Job, key: str, target: Path, record: dict | None, done: Report) -> None:
    if record is None:
        done.found_done += 1
        return
    job.record(key, record)
    done.colored[target] = record.get("model") or (CONVERTED if "converted" in record else COPIED)
    done.notes.update(record.get("notes", ()))


def _book(job: Job, work: Work, models: Models, settings: Settings, done: Report, alone: bool,
          ) -> None:
    """Colours a book; `alone`, the names of its pages suffice to find their hints."""
    book = media.open_book(work.source)
    sha256 = _hash_of(work.source)
    if job.is_done(work.name, sha256, work.target) and \
            all(job.has_layers(f"{work.name}/{name}") for name in book.names):
        done.found_done += 1
        return
    parts, replaced, failed = job.parts(work.name, sha256), {}, 0
    new_names = dict(zip(book.names, book.names, strict=True)) if settings.format is None else \
        with_suffix(book.names, media.FORMATS[settings.format.upper()])
    layers = with_suffix(book.names, ".ora")

    def tasks() -> Iterator[Callable]:
        for number, (name, read) in enumerate(book.pages()):  # which one thread alone may read
            part = parts / f"{number:05}{PurePosixPath(new_names[name]).suffix}"
            replaced[name] = (new_names[name], part)
            known_as = (f"{work.name}/{name}", name) if alone else (f"{work.name}/{name}",)
            strokes = hints.find(settings.hints, *known_as)
            yield partial(_page, job, work, name, _read(read), part, models, settings, strokes,
                          f"{work.name}.layers/{layers[name]}")

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
    damaged = book.write(work.target, replaced)
    done.damaged += damaged
    if not failed:  # else the same command tries the bad pages again
        job.record(work.name, {"sha256": sha256, "bytes": work.target.stat().st_size,
                               "kind": "book", "pages": len(book.names), "notes": damaged})
        job.forget_parts(work.name)


def _read(read: Callable[[], bytes]) -> bytes | SourceError:
    try:
        return read()
    except SourceError as error:
        return error


def _page(job: Job, work: Work, name: str, file: bytes | SourceError, part: Path, models: Models,
          settings: Settings, strokes: Path | None, layers: str) -> dict | None:
    """As `_picture`, of a page of a book."""
    if isinstance(file, SourceError):
        raise file
    return _written(job, f"{work.name}/{name}", part, layers, file, partial(
        colored_file, file, work.source / name, models, settings, strokes))


def _film(job: Job, work: Work, models: Models, settings: Settings, done: Report) -> None:
    sha256 = _hash_of(work.source)
    written = PurePosixPath(job.records.get(work.name, {}).get("file", work.name)).name
    if job.is_done(work.name, sha256, work.target.with_name(written)):
        done.found_done += 1
        return
    is_copied = settings.treat_as in (None, "color") and (
        settings.treat_as == "color" or film.is_colored(work.source))
    is_named = work.target != job.folder / work.name
    target = film.place_of(work.source, work.target, is_named, is_copied)
    name = PurePosixPath(work.name).with_name(target.name).as_posix()
    if name in (record.get("file", key) for key, record in job.records.items()
                if key != work.name):
        raise SourceError(work.source, f"and another input are both to be {target}",
                          "colour them one after the other into folders of their own")
    if is_copied:
        record = film.copy_film(work.source, target)
    else:
        parts = job.parts(work.name, sha256)
        record = {"kind": "film", "model": models.pages.name,
                  **film.color_film(work.source, target, models.pages, settings, parts)}
        job.forget_parts(work.name)
    job.record(work.name, {"sha256": sha256, "file": name, "bytes": target.stat().st_size,
                           **record})
    done.colored[target] = record.get("model", COPIED)
    done.films.append(film.line(target, record))


def _hash_of(source: Path) -> str:
    try:
        return sha256_of(source)
    except OSError as error:
        raise SourceError(source, f"cannot be read ({error.strerror})", "check it") from error


def _fail(job: Job, key: str, error: Exception, done: Report) -> None:
    if not isinstance(error, SourceError):
        error = SourceError(key, "is too large for this machine's memory", "scale it down")
    job.record(key, {"error": str(error)})
    done.failed.append(str(error))
