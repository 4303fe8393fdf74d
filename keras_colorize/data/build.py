"""Build of a dataset directory: sources side by side, continued where a killed build ended."""

import dataclasses
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.data import build_workers, cluster, records, splits
from keras_colorize.data.build_workers import Stage, Staged, StagedExample
from keras_colorize.data.sources import DROPPABLE, FolderSource, Sampling, Source, all_of, find
from keras_colorize.errors import (
    ColorizeError,
    DatasetError,
    SettingsMismatch,
    SourceError,
    UsageError,
    changes,
    one_line,
    shell_line,
)
from keras_colorize.files import check_apart, is_within, locked, reading, sha256_of, write_json
from keras_colorize.image import figures, pixels

RECORDS_PER_SHARD = 512
SAMPLES = 6  # examples in `samples.png`
MOST_NAMED = 20  # pictures of a source of which nothing was kept; `dataset.json` names them all


@dataclass(frozen=True)
class Settings:
    """All that decides the bytes of a dataset, besides its sources."""

    sampling: Sampling = field(default_factory=Sampling)
    split_by: str = "shot"
    test: tuple[str, ...] = ()
    """Names of sources, or paths of them, that are the test set whatever the rule."""
    seed: int = 0

    def manifest(self) -> dict:
        """Returns the settings as `dataset.json` carries them."""
        return {"schema": records.SCHEMA, "size": list(self.sampling.size),
                "every": self.sampling.every, "zoom": self.sampling.zoom,
                "drop": list(self.sampling.drop), "canny": list(pixels.CANNY),
                "uncompressed": self.sampling.uncompressed, "split_by": self.split_by,
                "test": list(self.test), "seed": self.seed}


def build(places: list[Path], out: Path, settings: Settings, workers: int = 1,
          scheduler: str | None = None, skip_bad: bool = False,
          ) -> tuple[records.Manifest, dict[str, str]]:
    """Makes the dataset `out` from videos, comics and folders, or finds it already made.

    Finished sources wait in `.NAME.partial` beside `out` until all are finished, so that the same
    command continues where a killed one ended. The bytes of the dataset depend on the sources and
    `settings` alone, not on the workers. A script calls this below `if __name__ == "__main__"`, as
    for all of Python's processes.

    Args:
        workers: how many processes of this machine work on a source each; if there are more of
            them than sources, each gets several threads. A source alone is read in this process.
        scheduler: the address of a Dask scheduler whose workers do it instead.
        skip_bad: whether to leave out unreadable sources, and unreadable pictures of the others.

    Returns:
        The manifest, and for each source and picture that was left out the reason. An error that
        comes later has these in `left_out`.

    Raises:
        SourceError: a source is unreadable (without `skip_bad`), or no source is left.
        DatasetError: `out` exists and is damaged, or would lack a split.
        SettingsMismatch: `out` exists, made otherwise.
        UsageError: a name in `settings.test` is no source, `out` is within one, or another
            process builds it.
    """
    if scheduler is not None:  # whose workers have working directories of their own
        out, places = out.absolute(), [place.absolute() for place in places]
    out, partial = _outputs(out, places)
    sources, failed = find(places, skip_bad)
    with _naming(failed):
        settings = dataclasses.replace(settings, test=_names_of(settings.test, sources))
        fingerprints = dict.fromkeys(failed) | _fingerprints(sources, failed, workers, skip_bad)
        finished = _finished(out, settings, fingerprints)
        if finished:
            shutil.rmtree(partial, ignore_errors=True)
            return finished, _left_out_before(finished, skip_bad)
        partial.mkdir(parents=True, exist_ok=True)
        with locked(partial / "lock", out):
            stages = [Stage(source, fingerprints[source.name], settings.sampling, partial, skip_bad)
                      for source in sources if source.name not in failed]
            staged = _continue(stages, failed, workers, scheduler, skip_bad)
            if not staged:
                raise SourceError(", ".join(map(str, places)), "no source could be read",
                                  f"the first: {next(iter(failed.values()))}")
            left_out = {name: {"sha256": fingerprints[name], "reason": reason}
                        for name, reason in sorted(failed.items())}
            failed |= _bad_pictures(each.report for each in staged)
            _assemble(staged, partial / "whole", settings, left_out)
            (partial / "whole").rename(out)  # which is absent or empty, as _finished has seen
            shutil.rmtree(partial)
    return records.Manifest.read(out), failed


@contextmanager
def _naming(left_out: dict[str, str]) -> Iterator[None]:
    """Gives to an error what was left out before it."""
    try:
        yield
    except ColorizeError as error:
        error.left_out = left_out
        raise


def _outputs(out: Path, places: list[Path]) -> tuple[Path, Path]:
    """Returns where the dataset goes, links followed, and the staging folder beside it."""
    check_apart(out, places)
    if out.is_symlink():
        out = Path(os.path.realpath(out))
        if out.is_symlink():
            raise UsageError(out, "is a link to itself", "name another --out")
    partial = out.with_name(f".{out.name}.partial")
    for place in places:
        if is_within(place, partial):  # which is removed in the end
            raise UsageError(out, f"is made in {partial}, where the input {place} is",
                             "name another --out")
    return out, partial


def _names_of(tests: tuple[str, ...], sources: list[Source]) -> tuple[str, ...]:
    """Returns the names of the sources that `--test` gives by name or by path."""
    by_path = {os.path.realpath(source.path): source.name for source in sources}
    known = {source.name for source in sources}
    chosen = [test if test in known else by_path.get(os.path.realpath(test)) for test in tests]
    for test, name in zip(tests, chosen, strict=True):
        if name is None:
            raise UsageError(f"--test {test}", "is none of the sources",
                             f"they are {', '.join(sorted(known)[:20])}")
    return tuple(sorted(set(chosen)))


def _fingerprints(sources: list[Source], failed: dict[str, str], workers: int, skip_bad: bool,
                  ) -> dict[str, str | None]:
    """Returns the fingerprint of each source by name; notes in `failed` why some have none."""
    fingerprints = {}
    with ThreadPoolExecutor(workers) as pool:
        futures = {source.name: pool.submit(source.fingerprint) for source in sources}
        for name, future in tqdm(futures.items(), "checksums", unit="source", delay=2):
            try:
                with reading(Path(name)):
                    fingerprints[name] = future.result()
            except SourceError as error:
                if not skip_bad:
                    raise
                fingerprints[name], failed[name] = None, str(error)
    return fingerprints


def _finished(out: Path, settings: Settings, fingerprints: dict[str, str | None],
              ) -> records.Manifest | None:
    """Returns the manifest of a finished dataset of these sources and settings, if it is there."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not out.is_dir() or not (out / records.MANIFEST).exists():
        raise UsageError(out, "exists and is no dataset", "name another --out")
    try:
        manifest = records.Manifest.read(out)
        made = manifest.values
        wanted = settings.manifest()
        others = changes({key: made.get(key) for key in wanted}, wanted)
        if not others:
            others = _other_sources(fingerprints, {
                each["name"]: each["sha256"] for each in made["sources"]} | {
                name: each["sha256"] for name, each in made["failed"].items()})
        if others:
            raise SettingsMismatch(out, "is a dataset made from other sources or with other "
                                   f"settings ({others})", "name another --out, or remove it first")
        manifest.verify()
    except DatasetError as error:
        raise DatasetError(error.where, error.what,
                           f"remove {out}, then run the same command") from error
    return manifest


def _other_sources(fingerprints: dict[str, str | None], made: dict[str, str | None]) -> str:
    """Says which sources are not those that a dataset was made from; nothing where all are."""
    parts = {"new": sorted(fingerprints.keys() - made), "gone": sorted(made.keys() - fingerprints),
             "changed": [name for name in sorted(made.keys() & fingerprints)
                         if made[name] != fingerprints[name]]}
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)


def _left_out_before(manifest: records.Manifest, skip_bad: bool) -> dict[str, str]:
    """Returns why a finished dataset lacks some sources; raises SourceError if it must not."""
    left_out = {name: each["reason"] for name, each in manifest.values["failed"].items()}
    left_out |= _bad_pictures(manifest.values["sources"])
    if left_out and not skip_bad:
        raise SourceError(manifest.directory, f"was built without {', '.join(left_out)}",
                          f"the first: {next(iter(left_out.values()))}")
    print(f"{manifest.directory}: was built already, from these sources and settings")
    return left_out


def _bad_pictures(reports: Iterable[dict]) -> dict[str, str]:
    """Returns by name why pictures of sources that were not left out could not be read."""
    return {f"{source['name']}/{name}": str(SourceError(*each))
            for source in reports
            for name, each in source.get("bad", {}).items()}


def _continue(stages: list[Stage], failed: dict[str, str], workers: int, scheduler: str | None,
              skip_bad: bool) -> list[Staged]:
    """Performs the stages that a killed build has not finished, and returns all in their order.

    A stage that fails is noted in `failed`. Without `skip_bad` no other begins from then on, those
    under way are finished and kept, and the failure is raised.
    """
    staged = {stage: stage.finished() for stage in stages}
    remaining = [stage for stage, done in staged.items() if done is None]
    if 0 < len(remaining) < len(stages):
        print(f"continuing: {len(stages) - len(remaining)} of {len(stages)} sources were finished")
    if remaining:
        side_by_side = min(workers, len(remaining))
        with (cluster.connect(scheduler) if scheduler is not None else
              build_workers.ThisProcess() if len(remaining) == 1 else
              build_workers.processes(side_by_side)) as executor:
            futures = {executor.submit(stage.perform, -(-workers // side_by_side)): stage
                       for stage in remaining}
            errors = _wait_for(futures, staged, skip_bad)
        if errors and not skip_bad:
            raise all_of([errors[stage] for stage in sorted(errors, key=stages.index)])
        failed.update({stage.source.name: str(error) for stage, error in errors.items()})
    return [staged[stage] for stage in stages if staged[stage] is not None]


def _wait_for(futures: dict[Future, Stage], staged: dict[Stage, Staged | None], skip_bad: bool,
              ) -> dict[Stage, SourceError]:
    """Waits for stages, shows their progress, and returns the errors of those that failed."""
    errors: dict[Stage, SourceError] = {}
    lengths = {stage: stage.source.length() for stage in futures.values()}
    pending, stopping = set(futures), False
    with tqdm(total=sum(lengths.values()) if all(lengths.values()) else None, unit="frame",
              delay=2, smoothing=0.05) as progress:
        while pending:
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                stage = futures[future]
                if future.cancelled() and stopping:
                    continue
                try:
                    staged[stage] = future.result()
                except SourceError as error:
                    errors[stage] = error
                    stopping = not skip_bad
                    if stopping and pending:
                        progress.clear()  # tqdm.write would draw a bar that is not shown yet
                        print(one_line(f"{error.where}: {error.what}; finishing what is under way"),
                              file=sys.stderr)
                        for other in pending:  # all unreadable pictures are to be named at once
                            if not isinstance(futures[other].source, FolderSource):
                                other.cancel()
            decoded = sum(lengths[stage] if staged[stage] or stage in errors else stage.progress()
                          for stage in futures.values())
            progress.set_postfix_str(f"{sum(map(bool, staged.values()))} of {len(staged)} sources",
                                     refresh=False)
            progress.update(decoded - progress.n)
    return errors


def _assemble(staged: list[Staged], whole: Path, settings: Settings, failed: dict[str, dict],
              ) -> None:
    """Splits the examples of all sources and writes the dataset directory `whole`.

    Of each source that was left out, `failed` gives the `sha256` and the `reason`. It raises
    DatasetError where a split would be empty, or a shard cannot be written.
    """
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    examples = [(each, example) for each in staged for example in each.examples]
    if not examples:
        raise _no_picture(staged)
    split = splits.assign([(each.report["name"], example.shot) for each, example in examples],
                          settings.split_by, settings.seed, frozenset(settings.test))
    shards = []
    with tqdm(total=len(examples), desc="writing shards", unit="example", delay=2) as progress:
        for name, chosen in split.items():
            count = -(-len(chosen) // RECORDS_PER_SHARD)
            for number in range(count):
                path = whole / f"{name}-{number:05d}-of-{count:05d}.tfrecord"
                part = [examples[index] for index in chosen[number::count]]
                _write_shard(path, part)
                shards.append({"file": path.name, "records": len(part), "sha256": sha256_of(path)})
                progress.update(len(part))
    thumbnails = {name: np.stack([examples[index][1].colors() for index in chosen])
                  for name, chosen in split.items()}
    _write_samples(whole / "samples.png", [examples[index] for index in split["train"]])
    write_json(whole / records.MANIFEST, {
        **settings.manifest(), "digest": records.digest_of(settings.sampling.size, shards),
        "counts": {name: len(chosen) for name, chosen in split.items()},
        "leak": splits.leak(thumbnails["test"], thumbnails["train"]),
        "shards": shards, "sources": [each.report for each in staged], "failed": failed})


def _no_picture(staged: list[Staged]) -> DatasetError:
    """Explains why no source gives an example: most often, none has colour."""
    skipped = sum((Counter(each.report["skipped"]) for each in staged), Counter())
    dropped = [f"--drop-{reason}" for reason in DROPPABLE if skipped[reason]]
    counts = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return DatasetError("the sources", f"give no picture (left out: {counts})",
                        f"run again without {' and '.join(dropped)}" if dropped else
                        "give others")


def _write_shard(path: Path, part: list[tuple[Staged, StagedExample]]) -> None:
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for staged, example in part:
                writer.write(records.serialize(staged.pictures(example), staged.report["name"],
                                               example.frame, example.time, example.shot))
    except tf.errors.OpError as error:
        raise DatasetError(path, f"cannot be written ({error.message})",
                           "free some space, then run the same command to continue") from error


def _write_samples(path: Path, part: list[tuple[Staged, StagedExample]]) -> None:
    """Draws the paper's figure 6: the colour, gray and edge picture of some examples."""
    chosen = [staged.pictures(example) for staged, example in part[:SAMPLES]]
    figures.picture_grid(path, {name: [media.decode_picture(each[name]) for each in chosen]
                                for name in records.PICTURES})


def summary(manifest: records.Manifest) -> str:
    """Describes a finished dataset on one screen: what it kept, what it left out, what is next."""
    values, lines = manifest.values, []
    for source in values["sources"]:
        crop = source["crop"]
        remarks = [f"{count} {reason} left out" for reason, count in source["skipped"].items()]
        remarks += [f"{count} {trait}" for trait, count in source["noted"].items()]
        remarks += [f"{len(source['bad'])} unreadable left out"] if source.get("bad") else []
        remarks += [f"black bars cropped to {crop[2]}x{crop[3]}"] if crop else []
        lines.append(f"  {source['name']}: {source['kept']} kept of {source['decoded']} decoded"
                     + (f" ({', '.join(remarks)})" if remarks else ""))
        lines += [f"  {source['name']}/{note}" for note in source.get("notes", ())]
        if empty := source.get("empty"):
            names = one_line(", ".join(empty[:MOST_NAMED]))
            more = f" and {len(empty) - MOST_NAMED} more" * (len(empty) > MOST_NAMED)
            lines.append(f"  {source['name']}: nothing kept of {names}{more}")
    lines += [f"  left out: {each['reason']}" for each in values["failed"].values()]
    counts = ", ".join(f"{name} {count}" for name, count in manifest.counts.items())
    height, width = manifest.size
    return "\n".join([
        f"{manifest.directory}: {sum(manifest.counts.values())} examples of {height}x{width} "
        f"({counts}), split by {values['split_by']}", *lines,
        f"  {values['leak']['share']:.1%} of the test pictures have a near-duplicate in training",
        f"look at {manifest.directory / 'samples.png'}, then train:",
        "  " + shell_line("keras-colorize", "train", "gan_gray", "--data", manifest.directory,
                          "--out", "runs/gan_gray")])
