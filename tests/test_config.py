from pathlib import Path

import pytest

from keras_colorize import config
from keras_colorize.errors import ConfigError

CONFIGS = Path(config.__file__).parents[1] / "configs"


@pytest.mark.parametrize("name", config.shipped_names())
def test_every_shipped_config_loads_and_survives_being_written(name, tmp_path):
    loaded = config.load(name)
    kind = next((kind for kind in ("best", "guided") if kind in name), loaded.model.kind)
    own = ("cpu/manga", "cpu/best_gan", "cpu/guided_gan")
    assert name in own or name.endswith(f"{kind}_{loaded.model.input}")
    (tmp_path / "again.toml").write_text(config.dumps(loaded))
    assert config.load(tmp_path / "again.toml") == loaded


def test_the_four_paper_configs_are_the_papers():
    for name in ("convnet_gray", "convnet_edge", "gan_gray", "gan_edge"):
        paper = config.load(name)
        assert (paper.train.epochs, paper.train.batch_size) == (20, 64)
        assert paper.optimizer.learning_rate == 2e-4
        assert paper.optimizer.beta_1 == (0.5 if paper.model.kind == "gan" else 0.9)
        assert paper.loss.l1_weight == 100
        assert paper.model.encoder == (64, 128, 256, 512, 512, 512)
        assert config.load(f"cpu/{name}").train.batch_size <= 16


def test_the_configs_at_the_top_are_those_of_the_package():
    assert config.SHIPPED.resolve() == CONFIGS.resolve()


def test_set_overrides_and_takes_bare_words_as_text():
    loaded = config.load("gan_gray", ["train.epochs=3", "model.input=edge",
                                      "optimizer.learning_rate=1", "model.encoder=[1,2,3,4,5,6]"])
    assert (loaded.train.epochs, loaded.model.input) == (3, "edge")
    assert loaded.optimizer.learning_rate == 1.0
    assert loaded.model.encoder == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(("override", "message"), [
    ("train.epoch=3", "unknown key 'epoch'; did you mean 'epochs'?"),
    ("trian.epochs=3", "unknown key 'trian'; did you mean 'train'?"),
    ("train.epochs=many", "train.epochs: is 'many'; give a whole number"),
    ("train.epochs=true", "is True; give a whole number"),
    ("train.epochs=0", "train.epochs: is 0; give a whole number from 1 up"),
    ("train.deterministic=1", "is 1; give true or false"),
    ("model.kind=transformer", "'transformer'; give one of 'convnet', 'gan'"),
    ("model.encoder=[1,2]", "model.decoder: has 6 levels, model.encoder 2"),
    ("model.encoder=wide", "is 'wide'; give a list of whole numbers"),
    ("augment.crop=1.5", "augment.crop: is 1.5; give a number above 0, up to 1"),
    ("augment.gamma=-0.1", "augment.gamma: is -0.1; give a number from 0 up"),
    ("augment.gamma=inf", "augment.gamma: is inf; give a number from 0 up"),
    ("augment.canny=1", "augment.canny: is 1; give a number from 0 to below 1"),
    ("augment.line_thickness=0", "augment.line_thickness: is 0; give a whole number from 1 up"),
    ("augment.screentone=2", "augment.screentone: is 2; give a number from 0 to 1"),
    ("augment.canny=0.5", "augment.canny: does nothing: model.input is 'gray'; leave it at 0"),
    ("augment.line_thickness=2",
     "augment.line_thickness: does nothing: model.input is 'gray'; leave it at 1"),
    ("train.adversarial_from=20", "is 20 of 20 epochs: no epoch is left for the game; give fewer"),
    ("optimizer.adversarial_rate=1e-4",
     "adversarial_rate: does nothing: train.adversarial_from is 0; set optimizer.learning_rate"),
    ("train.checkpoints_kept=0", "train.checkpoints_kept: is 0; give a whole number from 1 up"),
    ("data.shuffle=0", "data.shuffle: is 0; give a whole number from 1 up"),
    ("data.cache=yes", "data.cache: is 'yes'; give true, false or 'auto'"),
    ("optimizer.learning_rate=-1", "learning_rate: is -1; give a number above 0"),
    ("optimizer.schedule=linear", "is 'linear'; give one of 'constant', 'cosine'"),
    ("loss.objective=absolute",
     "loss.objective: does nothing: model.kind is 'gan'; leave it at 'squared'"),
    ("loss.objective=class", "is 'class'; give one of 'squared', 'absolute', 'classes'"),
    ("loss.variation=-1", "loss.variation: is -1; give a number from 0 up"),
    ("model.lines=distance",
     r"lines: does nothing: model\.input is 'gray'; leave it at 'edges'$"),
    ("loss.variation=4", r"variation: is for lines: model\.input is 'gray'; leav"),
    ("model.lines=dots", "is 'dots'; give one of 'edges', 'distance'"),
    ("model.upsampling=cubic",
     "is 'cubic'; give one of 'transposed', 'resize', 'bilinear', 'mirrored'"),
    ("model.discriminator_head=pixel", "is 'pixel'; give one of 'picture', 'patch'"),
    ("model.discriminator=[]", r"is \[\]; give a list of whole numbers from 1 up"),
    ("model.encoder=[4,0,4,4,4,4]", "give a list of whole numbers from 1 up"),
    ("model.normalization_momentum=1", "is 1; give a number between 0 and 1"),
    ("optimizer.learning_rate=nan", "is nan; give a number above 0"),
    ("train.seed=-1", "is -1; give a whole number from 0 to 4294967295"),
    ("epochs=3", "is not section.key=value"),
    ("train=3", "is not section.key=value"),
])
def test_a_bad_value_is_named_with_what_to_do(override, message):
    with pytest.raises(ConfigError, match=message):
        config.load("gan_gray", [override])


def test_screentone_on_edges_is_refused_and_each_input_takes_its_own_variation():
    with pytest.raises(ConfigError, match=r"screentone: does nothing: model\.input is 'edge'"):
        config.load("gan_edge", ["augment.screentone=0.5"])
    edge = config.load("gan_edge", ["augment.canny=0.5", "augment.line_thickness=2"]).augment
    assert (edge.canny, edge.line_thickness) == (0.5, 2)
    assert config.load("gan_gray", ["augment.screentone=1"]).augment.screentone == 1


def test_a_choice_is_refused_where_it_would_do_nothing_or_cannot_be():
    with pytest.raises(ConfigError, match=r"head: does nothing: model\.kind is 'convnet'"):
        config.load("convnet_gray", ["model.discriminator_head=patch"])
    with pytest.raises(ConfigError, match=r"model\.output: cannot be 'chroma': lines have no"):
        config.load("gan_edge", ["model.output=chroma"])
    with pytest.raises(ConfigError, match=r"l1_weight: does nothing: model\.kind is 'convnet'; le"
                                          r"ave it at 100$"):
        config.load("convnet_gray", ["loss.l1_weight=10"])
    with pytest.raises(ConfigError, match=r"model\.discriminator: does nothing: model\.kind is"):
        config.load("cpu/convnet_gray", ["model.discriminator=[4,4,4,4,4,4]"])
    with pytest.raises(ConfigError, match=r"objective: cannot be 'classes': model\.input is 'gray"):
        config.load("convnet_gray", ["loss.objective=classes"])
    with pytest.raises(ConfigError, match=r"variation: does nothing: model\.kind is 'convnet'; le"
                                          r"ave it at 0$"):
        config.load("convnet_edge", ["loss.variation=4"])
    varied = config.load("gan_edge", ["loss.variation=4", "model.lines=distance"])
    assert (varied.loss.variation, varied.model.lines) == (4, "distance")
    assert config.load("gan_gray", ["model.output=chroma"]).model.output == "chroma"
    assert config.load("gan_edge", ["model.discriminator_head=patch"]).model.kind == "gan"
    assert config.load("convnet_edge", ["loss.objective=absolute"]).loss.objective == "absolute"


def test_a_missing_key_a_missing_file_and_no_toml_are_named(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("[model]\nkind = 'gan'\n")
    with pytest.raises(ConfigError, match="lacks 'input'"):
        config.load(path)
    path.write_text("model = 3")
    with pytest.raises(ConfigError, match=r"model is not a table; write it as \[model\]"):
        config.load(path)
    path.write_text("[model")
    with pytest.raises(ConfigError, match="is not TOML"):
        config.load(path)
    with pytest.raises(ConfigError, match="shipped are best_edge, best_gray, convnet_edge, "):
        config.load("gan_grey")
