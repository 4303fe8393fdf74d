"""Claims about the answers that a server keeps on the disk."""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from keras_colorize.errors import UsageError
from keras_colorize.serving.answer_cache import LOCK, AnswerCache


def key(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def held(cache: AnswerCache) -> set[int]:
    """The numbers of the files in its folder, whose bytes are no more than it may have."""
    files = [path for path in cache.folder.iterdir() if path.name != LOCK]
    assert sum(path.stat().st_size for path in files) <= cache.most_bytes
    return {number for number in range(100) if cache.folder / key(number) in files}


def test_the_least_recently_used_give_way_now_and_after_a_restart(tmp_path):
    folder = tmp_path / "new" / "cache"
    cache = AnswerCache(folder, 1000)
    assert cache.find(key(0)) is None
    for number in range(3):
        assert cache.keep(key(number), bytes([number]) * 300)
    assert cache.find(key(0)) == bytes(300)
    assert cache.keep(key(3), b"3" * 300) and held(cache) == {0, 2, 3}
    assert not cache.keep(key(4), b"4" * 1001) and held(cache) == {0, 2, 3}
    with pytest.raises(UsageError, match="is being worked on by process"):
        AnswerCache(folder, 1000)
    cache.close()
    for age, number in enumerate((3, 0, 2)):  # the times that a slow disk may not tell apart
        os.utime(folder / key(number), (1e9 - age, 1e9 - age))
    (folder / ".0123456789abcdef.partial").write_bytes(b"half")  # of a process that was killed
    cache = AnswerCache(folder, 700)
    assert held(cache) == {3, 0}
    assert cache.keep(key(3), b"3" * 400) and held(cache) == {3, 0}  # in place of what it had
    assert cache.keep(key(3), b"3" * 300)
    assert cache.keep(key(0), b"0" * 300)  # now the one that was used last
    assert cache.keep(key(5), b"5" * 300) and held(cache) == {0, 5}
    assert [path.name for path in folder.glob(".*")] == [LOCK]
    cache.close()


def test_what_the_disk_does_not_take_or_give_is_no_error(tmp_path, monkeypatch, capsys):
    cache = AnswerCache(tmp_path / "cache", 1000)
    cache.keep(key(0), b"0" * 600)
    (cache.folder / key(0)).unlink()
    assert cache.find(key(0)) is None
    assert cache.keep(key(1), b"1" * 600) and held(cache) == {1}

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert not cache.keep(key(2), b"2") and cache.find(key(2)) is None and held(cache) == {1}
    assert "takes no page (" in capsys.readouterr().out
    cache.close()
    (cache.folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds notes\.txt, which is no page"):
        AnswerCache(cache.folder, 1000)
    assert (cache.folder / "notes.txt").read_text() == "mine"


def test_threads_that_keep_and_find_at_once_get_whole_files(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    cache = AnswerCache(tmp_path, 20_000)

    def use(number: int) -> bool:
        number %= 30
        cache.keep(key(number), bytes([number]) * 1000)
        return cache.find(key(number)) in (bytes([number]) * 1000, None)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(90)))
    assert len(held(cache)) == 20
    cache.close()
