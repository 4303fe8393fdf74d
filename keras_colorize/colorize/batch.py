"""Every input to its output: pictures, comics and films, one after the other.

A bad one is reported, and the rest goes on.
"""

import errno
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath

import cv2
import tensorflow as tf
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.colorize import film, hints, keyframes, references, report
from keras_colorize.colorize.crew import ClusterCrew, Crew
from keras_colorize.colorize.inputs import Work, is_file_output, plan
from keras_colorize.colorize.job import SUFFIX, Job, with_suffix
from keras_colorize.colorize.predictor import Model, Models, Settings
from keras_colorize.colorize.report import CONVERTED, COPIED, Report
from keras_colorize.colorize.series import TASTE
from keras_colorize.data.cluster import Cluster
from keras_colorize.errors import ColorizeError, SourceError, UsageError, first_line
from keras_colorize.files import read_bytes, reading, sha256_of, whole_file
from keras_colorize.media import film_writer
from keras_colorize.media.in_order import in_order

FAILURES = (SourceError, tf.errors.ResourceExhaustedError, MemoryError)
SWOLLEN = 10  # times the bytes of a PDF, from which on a smaller format is worth a word
HINTED = ("told", "reached", "carried")
OF_ALL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
"""Faults of the disk or the machine, which the next file would meet as well."""


def colorize(models: Models, inputs: list[Path], out: Path, settings: Settings | None = None,
             cluster: Cluster | None = None) -> Report:
    """Colours pictures, comics, films and folders of them.

    A picture keeps its name and format. What cannot be read is reported and the rest goes on, and
    so are two inputs that would be one file. What was coloured before by the same models and
    settings is left alone.

    Args:
        out: a folder, or the one file that a comic or a film becomes.
        settings: None for those of the models' series.
        cluster: colours in place of this process, which still writes all files. Its workers see
            the models and the hints under the same paths.

    Raises:
        SourceError: an input does not exist, or none holds anything to colour.
        SettingsMismatch: `out` was coloured by other models, with other settings, or from others.
        UsageError: `out` would overwrite an input or what is no output of ours, the codec is not
            known, the hints of one page are given for several, the model has no saturation, no such
            mood or no use for references, or keyframes have no film, no frame or no model that
            takes hints.
        RunError: a worker of the cluster lacks the models.
    """
    settings = settings or models.settings({})
    models.pages.saturate(settings.saturation)
    if settings.mood is not None:
        models.pages.mood(settings.mood)
    no_color, told_by = None, references.digest(settings.reference)
    if told_by:
        no_color = references.check(models.pages, settings.reference, settings.scale, out)
        settings = replace(settings, reference=references.files(settings.reference))
    planned = plan(inputs, out, settings.suffix)
    todo = planned.works
    _check(settings, todo)
    told = _keyframes(models.pages, settings.keyframes, todo)
    folder = _job_of(out)
    made_by = {"model": models.pages.digest,
               "edge_model": models.line_art and models.line_art.digest,
               "settings": {**settings.described(), "reference": told_by},
               "of_series": list(settings.of_series)}
    with Job(folder).claimed(made_by, todo) as job:
        crew = ClusterCrew(models, settings, cluster) if cluster else Crew(models, settings)
        begun = Report(failed=[str(error) for error in planned.failed.values()],
                       passed_over=planned.passed_over, place=folder)
        if no_color:
            begun.damaged.append(f"{out}: {no_color}")
        batch = Batch(job, crew, settings, begun, len(todo) == 1, told)
        try:
            batch.color(todo)
        finally:
            batch.report.flagged = [key for key, record in job.records.items()
                                    if report.is_flagged(record)]
            left_out = {name: {"error": str(error)} for name, error in planned.failed.items()}
            report.write(folder, str(out), made_by, job.records | left_out, planned.passed_over)
    return batch.report


def settings_for(models: Models, said: dict, out: Path) -> Settings:
    """Makes settings as `Models.settings` does; a job that is begun goes on as its series was then.

    For a series may have got other settings since, and the same command continues all the same.
    """
    settings = models.settings(said)
    begun, of_series = Job(_job_of(out)).begun_with()
    kept = {name: begun[name] for name in TASTE if name in begun
            and name not in said and (name in of_series or begun[name] == getattr(Settings, name))}
    return replace(settings, **kept, of_series=tuple(
        name for name in TASTE
        if name in (of_series if name in kept else settings.of_series)))


def _job_of(out: Path) -> Path:
    """Returns the folder of the job that makes `out`."""
    return out.with_name(out.name + SUFFIX) if is_file_output(out) else out


def _check(settings: Settings, todo: list[Work]) -> None:
    """Raises for settings that no output can be made with, before they are written down for it.

    A film makes nothing of those for pages, and they are refused unless they are of its series.
    """
    if settings.codec:
        film_writer.codec_for(todo[0].target, settings.codec)
    only_films = all(work.kind == "video" for work in todo)
    for name, what in (("tones", "--tones is for printed pages"), ("paper", "--paper is for pages"),
                       ("mood", "moods are for pages"),
                       ("hints", "hints are for pages, and keyframes for films")):
        if only_films and name not in settings.of_series \
                and getattr(settings, name) != getattr(Settings, name):
            raise UsageError(todo[0].source, f"is a film, and {what}",
                             f"colour it without --{name}")
    if settings.hints is None:
        return
    if settings.hints.is_file():
        hints.read(settings.hints)
        pages = sum(map(_page_count, todo))
        if pages > 1:
            raise UsageError(settings.hints, f"is the hints of one page, and there are {pages}",
                             "give a folder of hints, named as the pages")


def _keyframes(model: Model, place: Path | None, todo: list[Work]) -> dict[str, Path | None]:
    """Finds the folders of keyframes, by the names of films; there are none without `place`.

    Raises UsageError where they cannot be used.
    """
    if place is None:
        return {}
    films = [work for work in todo if work.kind == "video"]
    if not films:
        raise UsageError(place, "holds keyframes, and there is no film", "leave out --keyframes")
    if model.network_guided is None:
        raise UsageError(model.name, "takes no hints, and so no keyframes",
                         "leave out --keyframes, or train cpu/guided_gray")
    folders = {work.name: keyframes.find(place, work, len(films) == 1) for work in films}
    if not any([keyframes.listed(folder) for folder in folders.values()]):
        raise UsageError(place, "holds no keyframe of these films", "put them into folders of the "
                         f"films' names, such as {place / films[0].name}")
    return folders


def _page_count(work: Work) -> int:
    try:
        return len(_pages_in(work))
    except FAILURES:
        return 1  # it is reported when its turn comes


def _pages_in(work: Work) -> list[str | None]:
    """Lists the pages of a book, or None for the one of a picture."""
    return media.open_book(work.source).names if work.kind == "book" else [None]


def unused_hints(place: Path | None, jobs: list[tuple[list[Path], Path]], suffix: str | None,
                 ) -> list[str]:
    """Lists the pictures in a folder of hints that belong to no page that is to be coloured.

    Args:
        place: the folder. Where it is a file or None, the list is empty.
        jobs: the inputs and the output of each call of `colorize`.
        suffix: as of `inputs.plan`.

    Returns:
        Their names, with slashes. Where an input cannot be read, its pages are not known, and the
        list is empty too: the job says what is wrong.

    Raises:
        UsageError: none of them belongs to a page.
    """
    if place is None or not place.is_dir():
        return []
    pages = []
    try:
        for inputs, out in jobs:
            todo = plan(inputs, out, suffix).works
            pages += [_names(work, page, len(todo) == 1) for work in todo if work.kind != "video"
                      for page in _pages_in(work)]
    except (ColorizeError, *FAILURES):
        return []
    return hints.unused(place, pages) if pages else []


def _names(work: Work, page: str | None, is_single: bool) -> tuple[str, ...]:
    """Names the hints of a page, of a book or of a picture file.

    Args:
        page: within its book; None for a picture file.
        is_single: whether there is one file alone. The page's own name then suffices.
    """
    full, short = (work.name, work.source.name) if page is None else (f"{work.name}/{page}", page)
    return (full, short) if is_single else (full,)


@dataclass(frozen=True)
class _Page:
    """A page on its way, of a picture file or of a book."""

    key: str
    """Its name in the report."""
    source: Path
    """The place of its file, for errors."""
    read: Callable[[], bytes]
    """Reads its file; raises SourceError where that cannot be done."""
    place: Path
    """The coloured file."""
    strokes: Path | None
    """The file of its hints."""
    layers: str
    """The file of its layers, within the job's folder."""


@dataclass(frozen=True)
class Batch:
    """The files of one call, with all that is needed to colour them."""

    job: Job
    crew: Crew
    settings: Settings
    report: Report
    is_single: bool
    """Whether there is one file alone. The names of its pages then suffice to find their hints."""
    keyframes: dict[str, Path | None]
    """The folders of keyframes, by the names of films, if any are given; None for films without."""

    def color(self, todo: list[Work]) -> None:
        """Colours all files in their order; what fails is noted in the report."""
        with tqdm(total=len(todo), unit="file", delay=2, disable=self.is_single) as progress:
            for kind, some in groupby(todo, lambda work: work.kind):
                if kind == "picture":
                    for _ in self._colored_pictures(list(some)):
                        progress.update()
                    continue
                for work in some:
                    try:
                        with _own_fault(work.target):
                            (self._color_book if kind == "book" else self._color_film)(work)
                    except FAILURES as error:
                        self._note_failure(work.name, error)
                    progress.update()

    def _colored_pictures(self, todo: list[Work]) -> Iterator[None]:
        others = media.VIDEO_SUFFIXES | media.BOOK_SUFFIXES
        known = [name for name in self.job.sources
                 if PurePosixPath(name).suffix.lower() not in others]
        layers = with_suffix(known, ".ora")
        pages = (_Page(work.name, work.source, partial(read_bytes, work.source), work.target,
                       hints.find(self.settings.hints, *_names(work, None, self.is_single)),
                       layers[work.name])
                 for work in todo)
        for page, task in in_order(self._color_page, pages, self.crew.models.pages.together):
            try:
                self._note(page.key, page.place, task.result())
            except FAILURES as error:
                self._note_failure(page.key, error)
            yield

    def _color_page(self, page: _Page) -> dict | None:
        """Writes the file of a coloured page; returns its record, None if it was there before."""
        file = page.read()
        sha256 = hashlib.sha256(file).hexdigest()
        layers_at = self.job.folder / page.layers
        with _own_fault(page.place):
            if self.job.is_done(page.key, sha256, page.place):
                return None
            colored, record = self.crew.colored_file(file, page.source, page.strokes, layers_at)
            with whole_file(page.place) as temporary:
                temporary.write_bytes(colored)
        if self.settings.layers and layers_at.is_file():
            record["layers"] = page.layers
        return {"sha256": sha256, "bytes": len(colored), **record}

    def _color_book(self, work: Work) -> None:
        book, sha256 = media.open_book(work.source), _sha256_of(work.source)
        if self.job.is_done(work.name, sha256, work.target) and \
                all(self.job.has_layers(f"{work.name}/{name}") for name in book.names):
            self.report.found_done += 1
            return
        suffix = self.settings.suffix
        new_names = with_suffix(book.names, suffix) if suffix else {name: name
                                                                    for name in book.names}
        pages = self._pages_of(work, book, self.job.parts(work.name, sha256), new_names)
        replaced, progress = {}, tqdm(book.names, work.source.name, unit="page", delay=2)
        coming = in_order(self._color_page, pages, self.crew.models.pages.together)
        for name, (page, task) in zip(progress, coming, strict=True):
            try:
                self._note(page.key, work.target / new_names[name], task.result())
                replaced[name] = (new_names[name], page.place)
            except FAILURES as error:
                self._note_failure(page.key, error)  # and the book keeps the page as it was
        damaged = book.notes + book.write(work.target, replaced)
        size, before = work.target.stat().st_size, work.source.stat().st_size
        if size > SWOLLEN * before and not suffix and isinstance(book, media.PdfBook):
            damaged.append(f"{work.target}: has {size / before:.0f} times the bytes of its PDF; "
                           "--format webp, with another --out, makes a smaller one")
        self.report.damaged += damaged
        if len(replaced) == len(book.names):  # else the same command tries the bad pages again
            self.job.record(work.name, {"sha256": sha256, "bytes": work.target.stat().st_size,
                                        "kind": "book", "pages": len(replaced), "notes": damaged})
            self.job.forget_parts(work.name)

    def _pages_of(self, work: Work, book: media.Book | media.PdfBook, parts: Path,
                  new_names: dict[str, str]) -> Iterator[_Page]:
        """Gives the pages of a book, their files read in this thread, as their archive needs it."""
        layers = with_suffix(book.names, ".ora")
        for number, (name, read) in enumerate(book.pages()):
            key = f"{work.name}/{name}"
            strokes = hints.find(self.settings.hints, *_names(work, name, self.is_single))
            part = parts / f"{number:05}{PurePosixPath(new_names[name]).suffix}"
            yield _Page(key, work.source / name, _read_now(read), part, strokes,
                        f"{work.name}.layers/{layers[name]}")

    def _color_film(self, work: Work) -> None:
        sha256, records = _sha256_of(work.source), self.job.records
        settings = replace(self.settings, keyframes=self.keyframes.get(work.name))
        told = keyframes.digest(settings.keyframes)
        before = records.get(work.name, {})
        written = work.target.with_name(PurePosixPath(before.get("file", work.name)).name)
        if self.job.is_done(work.name, sha256, written) and before.get("told_by", "") == told:
            self.report.found_done += 1
            return
        parts = self.job.parts(work.name, sha256 + told)
        shots = film.shots_of(work.source, settings.treat_as, parts)
        is_named = work.target != self.job.folder / work.name
        target = film.place_of(work.source, work.target, is_named, shots is None)
        name = PurePosixPath(work.name).with_name(target.name).as_posix()
        if name in (record.get("file", key) for key, record in records.items()
                    if key != work.name):
            raise SourceError(work.source, f"and another input are both to be {target}",
                              "colour them one after the other into folders of their own")
        if shots is None:
            record = film.copy_film(work.source, target)
        else:
            model = self.crew.models.pages
            record = {"kind": "film", "model": model.name,
                      **film.color_film(work.source, target, model, settings, parts, shots)}
        self.job.forget_parts(work.name)
        if settings.reference and shots is not None and not model.matches_references:
            record["notes"].append(f"its references were not used: {model.name} takes none")
        if self.keyframes and not told:
            record["notes"].append("it has no keyframes")
        elif told and shots is None:
            record["notes"].append("its keyframes were not used; --treat-as gray colours it anew")
        self.job.record(work.name, {"sha256": sha256, "told_by": told, "file": name,
                                    "bytes": target.stat().st_size, **record})
        self.report.colored[target] = record.get("model", COPIED)
        self.report.films.append(film.line(target, record))

    def _note(self, key: str, target: Path, record: dict | None) -> None:
        if record is None:
            self.report.found_done += 1
            return
        self.job.record(key, record)
        self.report.colored[target] = record.get("model") or (
            CONVERTED if "converted" in record else COPIED)
        self.report.notes.update(record.get("notes", ()))
        if "told" in record:
            self.report.hinted.update({name: record[name] for name in HINTED})

    def _note_failure(self, key: str, error: Exception) -> None:
        if not isinstance(error, SourceError):
            error = SourceError(key, "is too large for this machine's memory", "scale it down")
        self.job.record(key, {"error": str(error)})
        self.report.failed.append(str(error))


def _read_now(read: Callable[[], bytes]) -> Callable[[], bytes]:
    """Reads a file at once; returns what gives the file, or raises what the reading raised."""
    file = Future()
    try:
        file.set_result(read())
    except SourceError as error:
        file.set_exception(error)
    return file.result


@contextmanager
def _own_fault(place: Path) -> Iterator[None]:
    """Turns what is wrong with one file alone into a SourceError, so that the others go on."""
    try:
        yield
    except OSError as error:
        if error.errno in OF_ALL:
            raise
        raise SourceError(place, f"cannot be written ({error.strerror or first_line(error)})",
                          "give it a shorter name, or name another --out") from error
    except cv2.error as error:
        raise SourceError(place, f"cannot be made ({first_line(error)})",
                          "export its source as PNG") from error


def _sha256_of(source: Path) -> str:
    with reading(source):
        return sha256_of(source)
