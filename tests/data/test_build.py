import json
import shutil
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import examples, files_of

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.data import build, build_workers, inspect, records
from keras_colorize.data.sources import Sampling
from keras_colorize.errors import SettingsMismatch, SourceError, UsageError
from keras_colorize.image import pixels

SETTINGS = build.Settings(Sampling(every=40, size=(64, 96)))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Two folders of pictures: twelve comic pages, and five single panels."""
    folder = tmp_path_factory.mktemp("comics")
    for name, count in (("pages", 12), ("panels", 5)):
        (folder / name).mkdir()
        for number in range(count):
            panels = [episode.draw_frame(120 * number + 30 * row) for row in range(4)]
            picture = np.vstack(panels) if name == "pages" else panels[0]
            media.write_picture(folder / name / f"{number}.png", picture)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The first shots of the drawn episode, 120 frames."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    episode.write_video(path, slice(0, 120))
    return path


def test_one_frame_in_every_n_is_kept_from_frame_0_with_its_shot_and_time(film, data_dir):
    all_examples = [each for split in records.SPLITS for each in examples(data_dir, split)]
    frames = sorted(int(each["frame"]) for each in all_examples)
    decoded = media.frame_count(film)
    assert frames == list(range(0, decoded, 20))
    for each in all_examples:
        assert each["source"].numpy() == b"episode.mp4"
        assert int(each["shot"]) == episode.shot_of(int(each["frame"]))
        assert float(each["time"]) == pytest.approx(int(each["frame"]) / 24, abs=1e-3)


def test_a_record_holds_what_the_pixels_module_makes_of_its_frame(film, data_dir):
    each = examples(data_dir, "test")[0]
    number = int(each["frame"])
    frame = next(frame for frame in media.read_video(film) if frame.number == number)
    expected = pixels.example(frame.picture(), (64, 96))
    for name, picture in expected.items():
        stored = cv2.imdecode(np.frombuffer(each[name].numpy(), np.uint8), cv2.IMREAD_UNCHANGED)
        rgb = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB) if stored.ndim == 3 else stored
        np.testing.assert_array_equal(rgb, picture)


def test_uncompressed_records_hold_the_same_pictures(film, data_dir, tmp_path):
    settings = build.Settings(Sampling(every=20, size=(64, 96), uncompressed=True))
    build.build([film], tmp_path / "out", settings)
    for plain, compressed in zip(examples(tmp_path / "out", "test"), examples(data_dir, "test"),
                                 strict=True):
        for name in records.PICTURES:
            one, two = plain[name].numpy(), compressed[name].numpy()
            np.testing.assert_array_equal(media.decode_picture(one), media.decode_picture(two))
            assert len(one) > 64 * 96 > 0.6 * len(two)


def test_the_manifest_agrees_with_the_shards(film, data_dir):
    manifest = records.Manifest.read(data_dir)
    assert manifest.values["schema"] == 1
    assert manifest.size == (64, 96)
    assert manifest.values["canny"] == [100, 200]
    for split in records.SPLITS:
        assert len(examples(data_dir, split)) == manifest.counts[split] > 0
    source, = manifest.values["sources"]
    assert source["decoded"] == media.frame_count(film)
    assert source["decoded"] == source["kept"] + sum(source["skipped"].values())
    assert sum(manifest.counts.values()) == source["kept"]
    manifest.verify()


def test_no_shot_is_on_two_sides(data_dir):
    sides = [{int(each["shot"]) for each in examples(data_dir, split)} for split in records.SPLITS]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_a_build_is_the_same_bytes_with_one_worker_and_with_two(clip, pages, tmp_path):
    build.build([clip, pages], tmp_path / "one", SETTINGS, workers=1)
    build.build([clip, pages], tmp_path / "two", SETTINGS, workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_windows_of_a_page_share_its_shot_and_stay_together(pages, tmp_path):
    manifest, _ = build.build([pages / "pages"], tmp_path / "out", SETTINGS)
    assert manifest.values["sources"][0]["decoded"] == 12
    assert sum(manifest.counts.values()) == 12 * 6  # which overlap by half, or more
    for split in records.SPLITS:
        shots = [int(each["shot"]) for each in examples(tmp_path / "out", split)]
        assert all(shots.count(shot) == 6 for shot in shots)


def test_each_folder_and_each_video_is_a_source(pages, clip, tmp_path):
    manifest, _ = build.build([pages, clip], tmp_path / "out", SETTINGS)
    assert [source["name"] for source in manifest.values["sources"]] == ["clip.mp4", "pages",
                                                                         "panels"]


def test_a_source_is_held_out_by_name_or_path(pages, tmp_path):
    for number, name in enumerate(("panels", str(pages / "panels"))):
        settings = build.Settings(Sampling(every=40, size=(64, 96)), test=(name,))
        build.build([pages], tmp_path / str(number), settings)
        held_out = examples(tmp_path / str(number), "test")
        assert {each["source"].numpy() for each in held_out} == {b"panels"}
        assert len(held_out) == 5
    with pytest.raises(UsageError, match=r"--test pannels: is none of the sources.*panels"):
        build.build([pages], tmp_path / "x", build.Settings(test=("pannels",)))


def test_finished_sources_are_kept_and_the_last_needs_no_process(clip, pages, tmp_path, capfd,
                                                                 monkeypatch):
    broken = pages / "panels" / "0.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"not a picture")
    with pytest.raises(SourceError, match=r"0\.png: cannot be read as a picture"):
        build.build([clip, pages], tmp_path / "out", SETTINGS)
    assert not (tmp_path / "out").exists()
    broken.write_bytes(whole)
    with monkeypatch.context() as patch:
        patch.delattr(build_workers, "processes")
        build.build([clip, pages], tmp_path / "out", SETTINGS)
    assert "continuing: 2 of 3 sources were finished" in capfd.readouterr().out
    build.build([clip, pages], tmp_path / "fresh", SETTINGS)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "fresh")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "fresh"}


def test_bad_sources_are_left_out_only_when_asked(film, tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "good.mp4").symlink_to(film)
    (sources / "bad.mp4").write_bytes(film.read_bytes()[:5000])
    with pytest.raises(SourceError, match=r"bad\.mp4: cannot be decoded"):
        build.build([sources], tmp_path / "out", SETTINGS)
    manifest, failed = build.build([sources], tmp_path / "out", SETTINGS, skip_bad=True)
    assert list(failed) == ["bad.mp4"] == list(manifest.values["failed"])
    assert "bad.mp4: cannot be decoded" in build.summary(manifest)
    assert [source["name"] for source in manifest.values["sources"]] == ["good.mp4"]
    again, failed = build.build([sources], tmp_path / "out", SETTINGS, skip_bad=True)
    assert again.digest == manifest.digest and "cannot be decoded" in failed["bad.mp4"]
    with pytest.raises(SourceError, match=r"out: was built without bad\.mp4; the first: /"):
        build.build([sources], tmp_path / "out", SETTINGS)
    shutil.copy(film, sources / "bad.mp4")  # mended: the dataset is no longer all that there is
    with pytest.raises(SettingsMismatch):
        build.build([sources], tmp_path / "out", SETTINGS, skip_bad=True)
    (sources / "good.mp4").unlink()
    (sources / "bad.mp4").unlink()
    (sources / "worse.mp4").touch()
    with pytest.raises(SourceError, match=r"no source could be read; the first: .*worse\.mp4"):
        build.build([sources], tmp_path / "other", SETTINGS, skip_bad=True)


def test_unreadable_pictures_are_named_all_at_once_and_left_out_alone(pages, tmp_path):
    folder = tmp_path / "comics"
    shutil.copytree(pages, folder)
    whole = (folder / "panels" / "0.png").read_bytes()
    (folder / "panels" / "a.png").write_bytes(whole[:300])
    (folder / "panels" / "b.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (folder / "panels" / "c.png").symlink_to("nowhere.png")
    (folder / "pages" / "d.jpg").write_text("I am a poem.")
    with zipfile.ZipFile(folder / "book.cbz", "w") as archive:
        for name, content in (("0.png", whole), ("1.png", whole[:300]), ("2.png", b"poem")):
            archive.writestr(name, content)
    bad = ["book.cbz/1.png", "book.cbz/2.png", "pages/d.jpg", "panels/a.png", "panels/b.heic",
           "panels/c.png"]
    with pytest.raises(SourceError, match="that cannot be read") as raised:
        build.build([folder], tmp_path / "out", SETTINGS)
    assert all(str(folder / name) in str(raised.value) for name in bad[2:])
    manifest, failed = build.build([folder], tmp_path / "out", SETTINGS, skip_bad=True)
    assert sorted(failed) == bad and "is a HEIC picture" in failed["panels/b.heic"]
    assert not manifest.values["failed"]
    kept = {source["name"]: source["kept"] for source in manifest.values["sources"]}
    assert kept["panels"] == 5 and kept["book.cbz"] == 1 and kept["pages"] >= 12
    assert "2 unreadable left out" in build.summary(manifest)
    assert sorted(build.build([folder], tmp_path / "out", SETTINGS, skip_bad=True)[1]) == bad
    with pytest.raises(SourceError, match="was built without"):
        build.build([folder], tmp_path / "out", SETTINGS)


def test_a_finished_dataset_is_found_and_other_settings_are_refused(film, data_dir, tmp_path):
    before = files_of(data_dir)
    build.build([film], data_dir, build.Settings(Sampling(every=20, size=(64, 96))))
    assert files_of(data_dir) == before
    more = shutil.copy(film, tmp_path / "more.mp4")
    same = Sampling(every=20, size=(64, 96))
    for films, other, named in (
            ([film], build.Settings(replace(same, every=21)), "every was 20, now 21"),
            ([film], build.Settings(same, seed=1), "seed was 0, now 1"),
            ([film], build.Settings(same, split_by="frame"), "split_by was 'shot', now 'frame'"),
            ([film], build.Settings(replace(same, zoom="area")), "zoom was 'spline', now 'area'"),
            ([film, more], build.Settings(same), "new: more.mp4"),
            ([more], build.Settings(same), f"new: more.mp4; gone: {film.name}")):
        with pytest.raises(SettingsMismatch) as refused:
            build.build(films, data_dir, other)
        assert f"made from other sources or with other settings ({named});" in str(refused.value)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="exists and is no dataset"):
        build.build([film], tmp_path / "notes", SETTINGS)


def test_the_sample_sheet_shows_colour_gray_and_edges(data_dir):
    sheet = media.read_picture(data_dir / "samples.png")
    third = sheet.shape[0] // 3
    rows = [sheet[row * third:(row + 1) * third - 4, 70:] for row in range(3)]
    saturation = [np.mean(np.ptp(row.astype(int), axis=2)) for row in rows]
    assert saturation[0] > 30 > saturation[1] == saturation[2] == 0


def test_dataset_json_has_the_keys_that_others_read(data_dir):
    values = json.loads((data_dir / "dataset.json").read_text())
    assert {"schema", "size", "every", "split_by", "seed", "canny", "digest", "counts", "shards",
            "sources"} <= values.keys()
    assert set(values["shards"][0]) == {"file", "records", "sha256"}
    assert set(values["sources"][0]) == {"name", "sha256", "decoded", "kept", "skipped", "noted",
                                         "crop"}


def test_the_manifests_leak_is_that_of_the_records(film, tmp_path):
    settings = build.Settings(Sampling(every=4, size=(64, 96)), split_by="frame")
    manifest, _ = build.build([film], tmp_path / "out", settings)
    inspected = inspect.inspect(tmp_path / "out", tmp_path / "seen")
    assert manifest.values["leak"] == inspected["leak"]
    assert manifest.values["leak"]["share"] > 0.5


@pytest.mark.slow
@pytest.mark.data
def test_big_buck_bunny_keeps_587_frames(real_data, tmp_path):
    film = real_data / "big_buck_bunny" / "big_buck_bunny_720p.mp4"
    manifest, _ = build.build([film], tmp_path / "out",
                                build.Settings(Sampling(5, (64, 96), "area")), workers=2)
    assert sum(manifest.counts.values()) == 587
