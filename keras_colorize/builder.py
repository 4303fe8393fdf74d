"""Sources to a dataset directory: sampled, made into examples, split and written in shards."""

import dataclasses
import hashlib
import json
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from keras_colorize import figures, media, pixels, records, sources, splits
from keras_colorize.errors import DatasetError, SettingsMismatch, SourceError, UsageError
from keras_colorize.files import check_apart, sha256_of, write_json

RECORDS_PER_SHARD = 512
FRAMING = 16  # bytes that a TFRecord file adds to each record: length, and two checksums


@dataclass(frozen=True)
class Settings:
    """What decides the bytes of a dataset, besides its sources."""

    every: int = 50
    size: tuple[int, int] = (180, 320)
    split_by: str = "shot"
    test: tuple[str, ...] = ()
    seed: int = 0
    zoom: str = "spline"

    def of_examples(self) -> dict:
        """The settings that decide the examples of one source."""
        return {"every": self.every, "size": list(self.size), "zoom": self.zoom,
                "canny": list(pixels.CANNY), "schema": records.SCHEMA}


@dataclass(frozen=True)
class Staged:
    """A finished source: its examples in one record file, with where each begins and ends."""

    path: Path
    report: dict
    shots: list[int]
    ends: list[int]

    def framed(self, index: int) -> bytes:
        """The bytes of one record with its framing, as they can stand in any shard."""
        start = self.ends[index - 1] if index else 0
        with open(self.path, "rb") as file:
            file.seek(start)
            return file.read(self.ends[index] - start)


def build(places: list[Path], out: Path, settings: Settings, workers: int = 1,
          skip_bad: bool = False) -> tuple[records.Manifest, dict[str, str]]:
    """Makes the dataset `out` from videos and folders, or finds it made already.

    Finished sources wait in `.NAME.partial` beside `out` until all are finished, so that the same
    command continues where a killed one ended. The bytes of the dataset depend on the sources and
    `settings` alone, not on `workers`.

    Returns:
        The manifest, and for each source that was left out (with `skip_bad` only) the reason.

    Raises:
        SourceError: a source is unreadable (without `skip_bad`), or nothing is left of them.
        SettingsMismatch: `out` exists, made otherwise.
        UsageError: a name in `settings.test` is no source, or `out` is within one.
    """
    check_apart(out, places)
    found = sources.find(places)
    settings = dataclasses.replace(settings, test=_named(settings.test, found))
    fingerprints = {source.name: source.fingerprint()
                    for source in tqdm(found, "reading sources", unit="source", delay=2)}
    partial = out.with_name(f".{out.name}.partial")
    finished = _finished(out, settings, fingerprints)
    if finished:
        shutil.rmtree(partial, ignore_errors=True)
        print(f"{out}: was built already, from these sources and settings")
        return finished, {}
    partial.mkdir(parents=True, exist_ok=True)
    staged, failed = [], {}
    for source in tqdm(found, "sources", unit="source", delay=2, disable=len(found) < 2):
        try:
            staged.append(_stage(source, fingerprints[source.name], partial, settings, workers))
        except SourceError as error:
            if not skip_bad:
                raise
            failed[source.name] = {"sha256": fingerprints[source.name], "reason": str(error)}
    if not staged:
        raise SourceError(", ".join(map(str, places)), "no source could be read",
                          f"the first: {next(iter(failed.values()))['reason']}")
    _assemble(staged, partial / "whole", settings, failed)
    (partial / "whole").rename(out)  # which is absent or empty, as _finished has seen
    shutil.rmtree(partial)
    return records.Manifest.read(out), {name: each["reason"] for name, each in failed.items()}


def _named(names: tuple[str, ...], found: list[sources.Source]) -> tuple[str, ...]:
    by_path = {source.path.resolve(): source.name for source in found}
    known = {source.name for source in found}
    chosen = [name if name in known else by_path.get(Path(name).resolve()) for name in names]
    for name, source in zip(names, chosen, strict=True):
        if source is None:
            raise UsageError(f"--test {name}", "is none of the sources",
                             f"they are {', '.join(sorted(known)[:20])}")
    return tuple(sorted(chosen))


def _finished(out: Path, settings: Settings, fingerprints: dict[str, str],
              ) -> records.Manifest | None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not out.is_dir() or not (out / records.MANIFEST).exists():
        raise UsageError(out, "exists and is no dataset", "name another --out")
    manifest = records.Manifest.read(out)
    made = manifest.values
    same = (all(made.get(key) == value for key, value in settings.of_examples().items())
            and made["split_by"] == settings.split_by and made["seed"] == settings.seed
            and made.get("test") == list(settings.test)
            and fingerprints == {each["name"]: each["sha256"] for each in made["sources"]}
            | {name: each["sha256"] for name, each in made.get("failed", {}).items()})
    if not same:
        raise SettingsMismatch(out, "is a dataset made from other sources or with other settings",
                               "name another --out, or remove it first")
    return manifest


def _stage(source: sources.Source, fingerprint: str, partial: Path, settings: Settings,
           workers: int) -> Staged:
    """Writes all examples of a source, unless an earlier, killed build did."""
    key = hashlib.sha256(json.dumps([source.name, fingerprint, settings.of_examples()]).encode())
    path = partial / f"{key.hexdigest()[:32]}.tfrecord"
    description = path.with_suffix(".json")
    if description.exists():
        return Staged(path, **json.loads(description.read_text(encoding="utf-8")))
    counts = sources.Counts()
    shots, ends = [], []
    samples = source.samples(settings.size, settings.every, counts)
    expected = source.expected(settings.every) or None
    try:
        with (tf.io.TFRecordWriter(str(path)) as writer,
              ThreadPoolExecutor(workers) as pool,
              tqdm(total=expected, desc=source.name, unit="picture", delay=2) as progress):
            for sample, pictures in _ahead(pool, lambda sample: _encode(sample, settings), samples,
                                           2 * workers):
                serialized = records.serialize(pictures, source.name, sample.frame, sample.time,
                                               sample.shot)
                writer.write(serialized)
                shots.append(sample.shot)
                ends.append((ends[-1] if ends else 0) + len(serialized) + FRAMING)
                progress.update()
    except tf.errors.OpError as error:
        raise DatasetError(path, f"cannot be written ({error.message})",
                           "free some space, then run the same command to continue") from error
    report = {"name": source.name, "sha256": fingerprint, **dataclasses.asdict(counts)}
    write_json(description, {"report": report, "shots": shots, "ends": ends})
    return Staged(path, report, shots, ends)


def _encode(sample: sources.Sample, settings: Settings) -> dict[str, bytes]:
    example = pixels.example(sample.picture, settings.size, settings.zoom)
    return {name: media.encode_picture(picture) for name, picture in example.items()}


def _ahead(pool: ThreadPoolExecutor, work: Callable, items: Iterable, depth: int) -> Iterator:
    """Each item with its result, in order, at most `depth` of them under way at once."""
    pending = deque()
    for item in items:
        pending.append((item, pool.submit(work, item)))
        if len(pending) > depth:
            first, future = pending.popleft()
            yield first, future.result()
    for item, future in pending:
        yield item, future.result()


def _assemble(staged: list[Staged], whole: Path, settings: Settings, failed: dict[str, dict]):
    """Splits the examples of all sources and writes the dataset directory `whole`."""
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    where = [(each, index) for each in staged for index in range(len(each.shots))]
    split = splits.assign([(each.report["name"], each.shots[index]) for each, index in where],
                          settings.split_by, settings.seed, frozenset(settings.test))
    shards = []
    for name, chosen in split.items():
        count = -(-len(chosen) // RECORDS_PER_SHARD)
        for number in range(count):
            part = chosen[number::count]
            path = whole / f"{name}-{number:05d}-of-{count:05d}.tfrecord"
            with open(path, "wb") as file:
                for example in part:
                    each, index = where[example]
                    file.write(each.framed(index))
            shards.append({"file": path.name, "records": len(part), "sha256": sha256_of(path)})
    values = {**settings.of_examples(), "split_by": settings.split_by, "seed": settings.seed,
              "test": list(settings.test), "digest": _digest(settings.size, shards),
              "counts": {name: len(chosen) for name, chosen in split.items()}, "shards": shards,
              "sources": [each.report for each in staged], "failed": failed}
    _write_samples(whole / "samples.png", whole / shards[0]["file"])
    write_json(whole / records.MANIFEST, values)


def _digest(size: tuple[int, int], shards: list[dict]) -> str:
    return hashlib.sha256(json.dumps([list(size), shards]).encode()).hexdigest()


def _write_samples(path: Path, shard: Path, count: int = 6) -> None:
    """The paper's figure 6 of this dataset: the colour, gray and edge picture of some examples."""
    rows = {name: [] for name in records.PICTURES}
    for serialized in tf.data.TFRecordDataset(str(shard)).take(count):
        example = records.parse(serialized)
        for name in records.PICTURES:
            rows[name].append(media.decode_picture(example[name].numpy()))
    figures.picture_grid(path, rows)


def summary(manifest: records.Manifest) -> str:
    """A screenful on a finished dataset: what was kept, why the rest was not, and what next."""
    lines = []
    for source in manifest.values["sources"]:
        skipped = ", ".join(f"{count} {reason}" for reason, count in source["skipped"].items())
        lines.append(f"  {source['name']}: {source['kept']} kept of {source['decoded']} decoded"
                     + (f" ({skipped})" if skipped else ""))
    lines += [f"  left out: {each['reason']}"
              for each in manifest.values.get("failed", {}).values()]
    counts = ", ".join(f"{name} {count}" for name, count in manifest.counts.items())
    height, width = manifest.size
    return "\n".join([
        f"{manifest.directory}: {sum(manifest.counts.values())} examples of {height}x{width} "
        f"({counts}), split by {manifest.values['split_by']}", *lines,
        f"look at {manifest.directory / 'samples.png'}, then train:",
        f"  keras-colorize train gan_gray --data {manifest.directory} --out runs/gan_gray"])
