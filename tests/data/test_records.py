import json
import shutil

import pytest

from keras_colorize.data import records
from keras_colorize.data.records import Manifest
from keras_colorize.errors import DatasetError


@pytest.fixture
def edited(data_dir, tmp_path):
    """A function that copies a dataset's manifest with a value changed, along a path of keys."""
    def edit(keys, value):
        shutil.copy(data_dir / records.MANIFEST, tmp_path)
        values = json.loads((tmp_path / records.MANIFEST).read_text())
        place = values
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value(place[keys[-1]]) if callable(value) else value
        (tmp_path / records.MANIFEST).write_text(json.dumps(values))
        return tmp_path

    return edit


@pytest.mark.parametrize(("keys", "value"), [
    (("counts", "train"), lambda count: count + 1),
    (("counts",), {"train": 1}),
    (("shards",), lambda shards: shards[1:]),
    (("shards",), lambda shards: shards + shards[:1]),
    (("shards", 0, "sha256"), "0" * 64),
    (("shards", 0, "file"), "other-00000-of-00001.tfrecord"),
    (("shards", 0), None),
    (("digest",), "0" * 64),
    (("size",), [64, 96, 3]),
    (("size",), [64.0, 96]),
    (("leak",), None),
    (("leak", "share"), "much"),
    (("failed",), {"film": "bad"}),
    (("sources",), None),
    (("sources", 0, "crop"), [0, 0]),
    (("sources", 0, "skipped"), {"held": None}),
    (("split_by",), 3),
])
def test_a_manifest_that_was_edited_is_damaged(edited, keys, value):
    with pytest.raises(DatasetError, match=r"dataset\.json: is damaged \(.+\); build the data"):
        Manifest.read(edited(keys, value))


def test_a_whole_manifest_may_have_optional_values(edited):
    assert Manifest.read(edited(("sources", 0, "crop"), [0, 0, 9, 16])).digest
    assert Manifest.read(edited(("failed",), {"film": {"sha256": None, "reason": "bad"}})).digest


@pytest.mark.parametrize("schema", [True, "1", 1.0, 2])
def test_another_schema_is_told(edited, schema):
    with pytest.raises(DatasetError, match=f"has schema {schema!r}, this version reads 1"):
        Manifest.read(edited(("schema",), schema))


@pytest.mark.parametrize("key", records.Contents.__annotations__)
def test_a_manifest_without_a_value_says_which(key, data_dir, tmp_path):
    values = json.loads((data_dir / records.MANIFEST).read_text())
    del values[key]
    (tmp_path / records.MANIFEST).write_text(json.dumps(values))
    with pytest.raises(DatasetError, match=f"is damaged .*missing required field `{key}`.*; build"):
        Manifest.read(tmp_path)


def test_a_video_is_no_dataset(film):
    with pytest.raises(DatasetError, match=r"mp4: holds no dataset\.json, so it is no dataset"):
        Manifest.read(film)
