import json
import shutil
import struct

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_colorize import media
from keras_colorize.data import inspect, records, splits
from keras_colorize.errors import DatasetError, UsageError
from keras_colorize.files import sha256_of
from keras_colorize.image import pixels

SIZE = (18, 32)


@pytest.fixture
def copy(data_dir, tmp_path):
    """A copy of the dataset of the drawn film, to be damaged."""
    return shutil.copytree(data_dir, tmp_path / "copy")


def shard_of(directory, split="train"):
    """The first shard of a split and its bytes."""
    path = records.Manifest.read(directory).shards(split)[0]
    return path, path.read_bytes()


def record_starts(content):
    """Where each record of a shard begins, by the framing: length, checksum, data, checksum."""
    starts, place = [], 0
    while place < len(content):
        starts.append(place)
        length, = struct.unpack("<Q", content[place:place + 8])
        place += 8 + 4 + length + 4
    assert place == len(content)
    return starts


def error_of(directory, tmp_path):
    """What `inspect` says of a damaged dataset, of which it then reports nothing."""
    with pytest.raises(DatasetError) as caught:
        inspect.inspect(directory, tmp_path / "report")
    assert not (tmp_path / "report").exists()
    return str(caught.value)


def write_dataset(directory, examples):
    """A dataset of hand-made (colour, gray, edge, source, shot), by split."""
    directory.mkdir()
    shards = []
    for split, rows in examples.items():
        path = directory / f"{split}-00000-of-00001.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number, (color, gray, edge, source, shot) in enumerate(rows):
                pictures = {name: media.encode_picture(picture) for name, picture
                            in zip(records.PICTURES, (color, gray, edge), strict=True)}
                writer.write(records.serialize(pictures, source, number, 0.0, shot))
        shards.append({"file": path.name, "records": len(rows), "sha256": sha256_of(path)})
    none = np.empty((0, *pixels.THUMBNAIL, 3), np.uint8)
    values = {
        "schema": 1, "size": list(SIZE), "every": 50, "split_by": "shot", "seed": 0,
        "canny": [100, 200], "digest": records.digest_of(SIZE, shards), "shards": shards,
        "sources": [], "failed": {}, "leak": splits.leak(none, none),
        "counts": {split: len(rows) for split, rows in examples.items()}}
    (directory / records.MANIFEST).write_text(json.dumps(values))
    return directory


def row(color, source="film", shot=0, edge=None):
    """A hand-made example that is as it should be."""
    edge = np.zeros(SIZE, np.uint8) if edge is None else edge
    return color, pixels.gray(color), edge, source, shot


@pytest.mark.parametrize("part", ["length", "length checksum", "data", "data checksum"])
@pytest.mark.parametrize("record", [0, 3, -1])
def test_one_flipped_bit_is_named_by_shard_and_byte(copy, tmp_path, part, record):
    path, content = shard_of(copy)
    start = record_starts(content)[record]
    length, = struct.unpack("<Q", content[start:start + 8])
    places = {"length": start + 1, "length checksum": start + 9, "data": start + 12 + length // 2,
              "data checksum": start + 12 + length + 3}
    flipped = bytearray(content)
    flipped[places[part]] ^= 1
    path.write_bytes(flipped)
    number = record % len(record_starts(content))
    assert error_of(copy, tmp_path) == (
        f"{path}: is corrupt at byte {start}, where its record {number} begins; "
        "copy it again, or build the dataset again")


def test_the_shard_of_another_split_is_named_too(copy, tmp_path):
    path, content = shard_of(copy, "test")
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 128]))
    assert error_of(copy, tmp_path).startswith(
        f"{path}: is corrupt at byte {record_starts(content)[-1]},")


def test_a_shard_cut_between_records_is_missed_by_tensorflow_but_not_here(copy, tmp_path):
    path, content = shard_of(copy)
    starts = record_starts(content)
    path.write_bytes(content[:starts[2]])
    assert sum(1 for _ in tf.data.TFRecordDataset(str(path))) == 2  # no error
    assert f"{path}: holds 2 records, the manifest says {len(starts)}" in error_of(copy, tmp_path)


def test_a_shard_cut_within_a_record_is_corrupt_there(copy, tmp_path):
    path, content = shard_of(copy)
    path.write_bytes(content[:-100])
    assert f"{path}: is corrupt at byte {record_starts(content)[-1]}," in error_of(copy, tmp_path)


def test_a_missing_or_exchanged_shard_is_named(copy, tmp_path):
    path, content = shard_of(copy)
    starts = record_starts(content)
    path.write_bytes(content[starts[1]:] + content[:starts[1]])  # whole records, other order
    assert f"{path}: was altered" in error_of(copy, tmp_path)
    path.unlink()
    assert f"{path}: is missing" in error_of(copy, tmp_path)


def test_a_record_that_is_not_what_the_manifest_says_is_named(random_pictures, tmp_path):
    good = row(random_pictures(*SIZE, 3))
    color, gray, edge, *rest = good
    wrong = {
        "in record 1 color is 18x30x3, not 18x32x3":
            (color[:, :-2], gray[:, :-2], edge, *rest),
        "in record 1 edge is 17x32x1, not 18x32x1": (color, gray, edge[:-1], *rest),
        "in record 1 gray is 18x32x3, not 18x32x1": (color, color, edge, *rest),
        "in record 1 gray is not the luminance of color":
            (color, cv2.convertScaleAbs(gray, beta=1), edge, *rest),
    }
    for number, (words, bad) in enumerate(wrong.items()):
        directory = write_dataset(tmp_path / str(number), {
            "train": [good], "validation": [good], "test": [good, bad]})
        message = error_of(directory, tmp_path)
        assert f"test-00000-of-00001.tfrecord: {words}; build" in message


def test_a_record_without_pictures_is_named(random_pictures, tmp_path):
    good = row(random_pictures(*SIZE, 3))
    directory = write_dataset(tmp_path / "data", {split: [good] for split in records.SPLITS})
    path, content = shard_of(directory)
    for serialized in (b"no example", tf.train.Example().SerializeToString(),
                       records.serialize(dict.fromkeys(records.PICTURES, b"no PNG"), "", 0, 0., 0)):
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(content[12:-4])
            writer.write(serialized)
        assert f"{path}: record 1 is no example with three pictures" in error_of(directory,
                                                                                 tmp_path)


def test_the_figures_are_those_of_numpy(random_pictures, tmp_path):
    first, second = random_pictures(*SIZE, 3), random_pictures(*SIZE, 3) // 2
    edge = np.zeros(SIZE, np.uint8)
    edge[:9] = 255
    black, white = np.zeros_like(first), np.full_like(first, 255)
    directory = write_dataset(tmp_path / "data", {
        "train": [row(first, "a", 1, edge), row(second, "a", 2), row(black, "b", 2),
                  row(white, "b", 2)],
        "validation": [row(first)], "test": [row(second), row(first[::-1])]})
    report = inspect.inspect(directory, tmp_path / "report")
    train = report["splits"]["train"]
    gray = [pixels.gray(picture) for picture in (first, second, black, white)]
    distances = [np.mean(np.abs(one.astype(float) - np.dstack([tone] * 3)))
                 for one, tone in zip((first, second), gray, strict=False)]
    assert {name: train[name] for name in ("pictures", "sources", "shots")} == \
        {"pictures": 4, "sources": 2, "shots": 3}
    assert train["luminance"] == pytest.approx(np.mean(gray), abs=1e-3)
    assert train["input_l1"] == pytest.approx(sum(distances) / 4, abs=1e-3)
    assert train["edge_density"] == 0.125
    assert train["near_black"] == 0.25 and train["near_gray"] == 0.5
    assert report["leak"] == splits.leak(
        np.stack([pixels.thumbnail(second), pixels.thumbnail(first[::-1])]),
        np.stack([pixels.thumbnail(each) for each in (first, second, black, white)]))
    assert report["leak"]["near_duplicates"] == 1
    assert json.loads((tmp_path / "report" / "inspection.json").read_text()) == report


def test_colourfulness_and_chroma_are_the_published_ones():
    half = np.zeros((*SIZE, 3), np.uint8)
    half[:, :16] = (255, 0, 0)  # red beside black
    values = inspect.measures(half, half[..., 0])
    # rg is 255 or 0, yb 127.5 or 0: deviations 127.5 and 63.75, means the same.
    assert values["colourfulness"] == pytest.approx(1.3 * np.hypot(127.5, 63.75))
    assert values["chroma"] == pytest.approx(104.55 / 2, abs=0.1)  # of red, published
    assert values["edge_density"] == 0.5


def test_a_built_dataset_is_whole_and_shown(data_dir, tmp_path):
    report = inspect.inspect(data_dir, tmp_path / "report")
    manifest = records.Manifest.read(data_dir)
    assert {name: each["pictures"] for name, each in report["splits"].items()} == manifest.counts
    assert report["digest"] == manifest.digest and report["size"] == [64, 96]
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "inspection.json", "train.png", "validation.png", "test.png"}
    sheet = media.read_picture(tmp_path / "report" / "train.png")
    rows = -(-manifest.counts["train"] // 8)
    assert sheet.shape == (rows * 68, 8 * 100, 3)
    path, _ = shard_of(data_dir)
    first = records.parse(next(iter(tf.data.TFRecordDataset(str(path)))))
    np.testing.assert_array_equal(sheet[:64, :96],
                                  media.decode_picture(first["color"].numpy()))


def test_a_report_that_cannot_be_written_is_told_before_the_dataset_is_read(copy, tmp_path):
    path, _ = shard_of(copy)
    path.unlink()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"report: cannot be made: .*file cannot be written into"):
        inspect.inspect(copy, tmp_path / "file" / "report")


def test_a_sheet_spreads_48_small_pictures_over_its_split(tmp_path):
    tones = [np.full((*SIZE, 3), number, np.uint8) for number in range(200)]
    directory = write_dataset(tmp_path / "data", {"train": [row(tone) for tone in tones],
                                                  "validation": [row(tones[0])], "test": []})
    report = inspect.inspect(directory, tmp_path / "report")
    sheet = media.read_picture(tmp_path / "report" / "train.png")
    assert sheet.shape == (6 * 22, 8 * 36, 3)
    shown = sheet[9::22, 16::36, 0].ravel().astype(int)
    assert shown[0] == 0 and shown[-1] == 199 and len(shown) == 48
    assert set(np.diff(shown)) <= {4, 5}
    assert report["splits"]["test"]["luminance"] is None and report["leak"]["share"] == 0
    assert not (tmp_path / "report" / "test.png").exists()


def test_large_pictures_make_a_sheet_below_2000_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.SIZE", (270, 480))
    picture = np.full((270, 480, 3), 90, np.uint8)
    directory = write_dataset(tmp_path / "data", {"train": [row(picture)] * 9,
                                                  "validation": [row(picture)],
                                                  "test": [row(picture)]})
    inspect.inspect(directory, tmp_path / "report")
    sheet = media.read_picture(tmp_path / "report" / "train.png")
    assert sheet.shape == (2 * 139, 8 * 244, 3)
    assert np.all(sheet[140:274, 244:] == 255) and np.all(sheet[:135, :240] == 90)


def test_the_summary_fits_a_screen(data_dir, tmp_path):
    report = inspect.inspect(data_dir, tmp_path / "report")
    lines = inspect.summary(report).splitlines()
    assert len(lines) <= 24
    assert "64x96, split by shot" in lines[0]
    pictures, = (line for line in lines if line.startswith("pictures"))
    assert pictures.split()[1:] == [str(each["pictures"]) for each in report["splits"].values()]
    assert f"({report['leak']['near_duplicates']} of {report['leak']['test']})" in lines[-1]
    report["splits"]["test"]["luminance"] = None  # as of an empty split
    assert " -" in inspect.summary(report)
