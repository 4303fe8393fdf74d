"""Sources to a dataset directory: staged side by side, continued where a build broke off."""

import dataclasses
import os
import shutil
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from tqdm import tqdm

from keras_colorize.data import assembly, executors, finding, records
from keras_colorize.data.assembly import Settings
from keras_colorize.data.sources import Source
from keras_colorize.data.staging import Stage, Staged
from keras_colorize.errors import DatasetError, SettingsMismatch, SourceError, UsageError, one_line
from keras_colorize.files import check_apart, is_within, locked


def build(places: list[Path], out: Path, settings: Settings, workers: int = 1,
          scheduler: str | None = None, skip_bad: bool = False,
          ) -> tuple[records.Manifest, dict[str, str]]:
    """Makes the dataset `out` from videos, archives and folders, or finds it made already.

    Finished sources wait in `.NAME.partial` beside `out` until all are finished, so that the same
    command continues where a killed one ended. The bytes of the dataset depend on the sources and
    `settings` alone, not on who worked on them. A script calls this below `if __name__ ==
    "__main__"`, as for all of Python's processes.

    Args:
        workers: processes of this machine that work on a source each; left over, they help within.
        scheduler: the address of a Dask scheduler whose workers do it in their place.
        skip_bad: leaves unreadable sources out.

    Returns:
        The manifest, and for each source that was left out the reason.

    Raises:
        SourceError: a source is unreadable (without `skip_bad`), or nothing is left of them.
        DatasetError: `out` exists and is damaged, or would lack a split.
        SettingsMismatch: `out` exists, made otherwise.
        UsageError: a name in `settings.test` is no source, `out` is within one, or another
            process builds it.
    """
    if scheduler is not None:  # whose workers have working directories of their own
        out, places = out.absolute(), [place.absolute() for place in places]
    out, partial = _outputs(out, places)
    found, left_out = finding.find(places, skip_bad)
    settings = dataclasses.replace(settings, test=_named(settings.test, found))
    fingerprints, failed = _fingerprints(found, workers, skip_bad)
    fingerprints, failed = dict.fromkeys(left_out) | fingerprints, left_out | failed
    finished = _finished(out, settings, fingerprints)
    if finished:
        shutil.rmtree(partial, ignore_errors=True)
        left_out = {name: each["reason"] for name, each in finished.values["failed"].items()}
        if left_out and not skip_bad:
            raise SourceError(out, f"was built without {', '.join(left_out)}",
                              f"the first: {next(iter(left_out.values()))}")
        print(f"{out}: was built already, from these sources and settings")
        return finished, left_out
    partial.mkdir(parents=True, exist_ok=True)
    with locked(partial / "lock", out):
        stages = [Stage(source, fingerprints[source.name], settings.sampling, partial)
                  for source in found if source.name not in failed]
        staged = _stage_all(stages, failed, workers, scheduler, skip_bad)
        if not staged:
            raise SourceError(", ".join(map(str, places)), "no source could be read",
                              f"the first: {next(iter(failed.values()))}")
        left_out = {name: {"sha256": fingerprints[name], "reason": reason}
                    for name, reason in sorted(failed.items())}
        assembly.assemble(staged, partial / "whole", settings, left_out)
        (partial / "whole").rename(out)  # which is absent or empty, as _finished has seen
        shutil.rmtree(partial)
    return records.Manifest.read(out), failed


def _outputs(out: Path, places: list[Path]) -> tuple[Path, Path]:
    """Where the dataset goes, links followed, and the folder beside it that it is made in."""
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


def _named(names: tuple[str, ...], found: list[Source]) -> tuple[str, ...]:
    by_path = {os.path.realpath(source.path): source.name for source in found}
    known = {source.name for source in found}
    chosen = [name if name in known else by_path.get(os.path.realpath(name)) for name in names]
    for name, source in zip(names, chosen, strict=True):
        if source is None:
            raise UsageError(f"--test {name}", "is none of the sources",
                             f"they are {', '.join(sorted(known)[:20])}")
    return tuple(sorted(chosen))


def _fingerprints(found: list[Source], workers: int, skip_bad: bool,
                  ) -> tuple[dict[str, str | None], dict[str, str]]:
    """The fingerprint of each source by name, and why some have none."""
    fingerprints, failed = {}, {}
    with ThreadPoolExecutor(workers) as pool:
        futures = {source.name: pool.submit(source.fingerprint) for source in found}
        for name, future in tqdm(futures.items(), "checksums", unit="source", delay=2):
            try:
                fingerprints[name] = future.result()
            except OSError as error:
                told = SourceError(error.filename, f"cannot be read ({error.strerror})", "check it")
                if not skip_bad:
                    raise told from error
                fingerprints[name], failed[name] = None, str(told)
    return fingerprints, failed


def _finished(out: Path, settings: Settings, fingerprints: dict[str, str | None],
              ) -> records.Manifest | None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not out.is_dir() or not (out / records.MANIFEST).exists():
        raise UsageError(out, "exists and is no dataset", "name another --out")
    try:
        manifest = records.Manifest.read(out)
        made = manifest.values
        same = (all(made.get(key) == value for key, value in settings.manifest().items())
                and fingerprints == {each["name"]: each["sha256"] for each in made["sources"]}
                | {name: each["sha256"] for name, each in made["failed"].items()})
        if not same:
            raise SettingsMismatch(out, "is a dataset made from other sources or with other "
                                   "settings", "name another --out, or remove it first")
        manifest.verify()
    except DatasetError as error:
        raise DatasetError(error.where, error.what,
                           f"remove {out}, then run the same command") from error
    return manifest


def _stage_all(stages: list[Stage], failed: dict[str, str], workers: int, scheduler: str | None,
               skip_bad: bool) -> list[Staged]:
    """Performs the stages that an earlier, killed build has not finished; all, in their order.

    One that fails is noted in `failed`. Without `skip_bad` no other is begun from then on, those
    under way are finished and kept, and the failure is raised.
    """
    staged = {stage: stage.finished() for stage in stages}
    left = [stage for stage, done in staged.items() if done is None]
    if 0 < len(left) < len(stages):
        print(f"continuing: {len(stages) - len(left)} of {len(stages)} sources were finished")
    if left:
        side_by_side = min(workers, len(left))
        with (executors.cluster(scheduler) if scheduler is not None else
              executors.processes(side_by_side)) as executor:
            futures = {executor.submit(stage.perform, -(-workers // side_by_side)): stage
                       for stage in left}
            errors = _results(futures, staged, skip_bad)
        if errors and not skip_bad:
            raise errors[min(errors, key=stages.index)]
        failed.update({stage.source.name: str(error) for stage, error in errors.items()})
    return [staged[stage] for stage in stages if staged[stage] is not None]


def _results(futures: dict[Future, Stage], staged: dict[Stage, Staged | None], skip_bad: bool,
             ) -> dict[Stage, SourceError]:
    """Waits for stages while it shows how far they are, and tells those that failed."""
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
                        for other in pending:
                            other.cancel()
            decoded = sum(lengths[stage] if staged[stage] or stage in errors else stage.progress()
                          for stage in futures.values())
            progress.set_postfix_str(f"{sum(map(bool, staged.values()))} of {len(staged)} sources",
                                     refresh=False)
            progress.update(decoded - progress.n)
    return errors


def summary(manifest: records.Manifest) -> str:
    """A screenful on a finished dataset: what was kept, why the rest was not, and what next."""
    values, lines = manifest.values, []
    for source in values["sources"]:
        crop = source["crop"]
        remarks = [f"{count} {reason} left out" for reason, count in source["skipped"].items()]
        remarks += [f"{count} {trait}" for trait, count in source["noted"].items()]
        remarks += [f"black bars cropped to {crop[2]}x{crop[3]}"] if crop else []
        lines.append(f"  {source['name']}: {source['kept']} kept of {source['decoded']} decoded"
                     + (f" ({', '.join(remarks)})" if remarks else ""))
    lines += [f"  left out: {each['reason']}" for each in values["failed"].values()]
    counts = ", ".join(f"{name} {count}" for name, count in manifest.counts.items())
    height, width = manifest.size
    return "\n".join([
        f"{manifest.directory}: {sum(manifest.counts.values())} examples of {height}x{width} "
        f"({counts}), split by {values['split_by']}", *lines,
        f"  {values['leak']['share']:.1%} of the test pictures have a near-duplicate in training",
        f"look at {manifest.directory / 'samples.png'}, then train:",
        f"  keras-colorize train gan_gray --data {manifest.directory} --out runs/gan_gray"])
