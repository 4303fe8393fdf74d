"""Claims about the project that the studio changes: what stays of it, and when it is refused."""

import base64
import hashlib

import manga_pages
import pytest
import tensorflow as tf
from serving_process import MOODS
from starlette.applications import Starlette
from starlette.testclient import TestClient

from keras_colorize import export, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import Model, Models, Settings, series
from keras_colorize.colorize.series import Series, Taste
from keras_colorize.files import write_json
from keras_colorize.image import pixels
from keras_colorize.serving import series_route
from keras_colorize.serving.limits import Refused, answer_refused
from keras_colorize.serving.service import Service

FIRST = hashlib.sha256(b"").hexdigest()


@pytest.fixture
def served(tmp_path):
    """The folder of a model with two moods that is served, and what asks for its project."""
    write_digest(tmp_path, FIRST)
    model = Model("painter", FIRST, "gray", "spline", None, None, None, network_guided=print,
                  saturation=1.0, moods=MOODS)
    service = Service(tmp_path, "painter")
    service.models = Models(model)
    with TestClient(Starlette(routes=series_route.routes(service),
                              exception_handlers={Refused: answer_refused})) as client:
        yield tmp_path, client


def write_digest(folder, digest):
    (folder / export.CARD).parent.mkdir(exist_ok=True)
    write_json(folder / export.CARD, {"generator_sha256": digest})


def test_what_the_address_does_not_name_stays_as_the_file_has_it(served):
    folder, client = served
    series.write(folder, Series(settings=Taste("ink", None, "white", 1, 4.25)))
    assert client.put("/series/settings", params={"mood": "2"}).json()["settings"] == {
        "lock": "ink", "paper": "white", "mood": "2", "saturation": 4.25}
    client.put("/series/settings", params={"lock": "", "paper": "keep", "saturation": ""})
    assert series.read(folder).settings == Taste(mood=2)


OWN = {"a": "#000001", "b": "#000002", "c": "#000003"}


@pytest.mark.parametrize(("before", "after", "kept"), [
    ({}, {"d": "#000004"}, {"d": "#000004", **OWN}),
    ({"a": "#000009", "c": "#000003"}, {"a": "#000009", "c": "#000005"},
     {"a": "#000001", "c": "#000005", "b": "#000002"}),
    ({"a": "#000001", "x": "#000006"}, {"x": "#000006"}, {"b": "#000002", "c": "#000003"}),
    (None, {"d": "#000004"}, {"d": "#000004"})])
def test_a_change_of_colours_leaves_what_others_changed(before, after, kept, served):
    folder, client = served
    series.write(folder, Series(swatches=OWN))
    after = [list(each) for each in after.items()]
    body = after if before is None else {"before": list(before.items()), "after": after}
    answer = client.put("/series/swatches", json=body)
    assert answer.json()["swatches"] == [list(each) for each in kept.items()]
    assert list(series.read(folder).swatches.items()) == list(kept.items())


def test_what_does_not_fit_the_model_that_is_served_is_refused_in_one_line(served):
    folder, client = served

    def refused():
        before = (folder / series.FILE).read_text()
        answer = client.put("/series/swatches", json=[["Sea", "#2828d0"]])
        assert answer.status_code == 409 and (folder / series.FILE).read_text() == before
        return answer.json()["error"]

    (folder / series.FILE).write_text("[settings]\nmood = 99\n")
    assert refused() == ("series.toml: settings.mood: is 99, and this model has 2 moods; give a "
                         "smaller number, or remove it there")
    (folder / series.FILE).write_text("[settings]\nmoo = 1\n")
    assert refused().startswith("series.toml: settings: unknown key 'moo'")
    series.write(folder, Series(swatches={f"a{number}": "#000000" for number in range(200)}))
    answer = client.put("/series/swatches", json={"before": [], "after": [["Sea", "#2828d0"]]})
    assert (answer.status_code, answer.json()["error"]) == (
        409, "series.toml: swatches: are 201; keep 200 at most")
    write_digest(folder, "second")
    assert refused() == ("painter: was made anew since this server loaded it; restart the server")
    (folder / export.CARD).unlink()
    for content, status in ((b"", 200), (b"trained on", 409)):
        (folder / "generator.keras").write_bytes(content)
        assert client.put("/series/settings", params={"mood": "1"}).status_code == status


def test_gray_and_printed_pages_are_shown_small_in_each_mood_and_pages_in_colour_are_not(served):
    def network(pixels):
        return {"pixels": tf.repeat(pixels[..., :1], 3, -1)}

    pages = Model("painter", FIRST, "gray", "spline", (64, 96), network, None,
                  network_guided=network, moods=MOODS)
    service = Service(served[0], "painter")
    service.models = Models(pages)
    frame = episode.draw_frame(60)[:240, :320]
    for page, count in ((manga_pages.drawn("screentone")[0].luminance, 3),
                        (pixels.gray(frame), 3), (frame, 0)):
        small = service.moods_of(media.encode_picture(page), "a.png", Settings())
        assert len(small) == count
    unlike = service.moods_of(media.encode_picture(manga_pages.drawn("line art")[0].luminance),
                              "b.png", Settings())
    red, blue = (media.picture_of(base64.b64decode(each), "it").mean((0, 1)) for each in unlike[1:])
    assert red[0] > red[2] + 5 and blue[2] > blue[0] + 5
