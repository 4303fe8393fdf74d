"""What the paper does not do, by a line of configuration; and every shipped configuration."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import SIZE, data_for, tiny
from keras import layers

from keras_colorize import config, export, models
from keras_colorize.image import pixels
from keras_colorize.models.blocks import (
    LEVELS,
    ChromaOf,
    CropTo,
    Double,
    JoinLuminance,
    MirroredConv2DTranspose,
    MixClasses,
    NearestLine,
    SpectralConv2D,
    classes_of,
)
from keras_colorize.models.losses import absolute_loss, class_loss
from keras_colorize.models.networks import upsample
from keras_colorize.training import train

VARIANTS = {
    "absolute": ("convnet_gray", "loss.objective=absolute"),
    "classes": ("convnet_gray", "model.input=manga", "loss.objective=classes"),
    "patch": ("gan_gray", "model.discriminator_head=patch"),
    "resize": ("gan_edge", "model.upsampling=resize"),
    "bilinear": ("gan_gray", "model.upsampling=bilinear"),
    "mirrored": ("gan_gray", "model.upsampling=mirrored"),
    "distance": ("convnet_edge", "model.lines=distance"),
    "chroma": ("gan_gray", "model.output=chroma"),
    "instance": ("gan_gray", "model.normalization=instance"),
    "cosine": ("convnet_edge", "optimizer.schedule=cosine"),
    "average": ("gan_gray", "optimizer.ema=0.99"),
    "spectral": ("gan_edge", "model.discriminator_normalization=spectral"),
    "all of a gan": ("gan_gray", "model.discriminator_head=patch", "model.upsampling=resize",
                     "model.output=chroma", "model.normalization=instance",
                     "model.discriminator_sees=chroma", "optimizer.schedule=cosine"),
}


def noise(channels, size=SIZE, count=4):
    """Float pictures in [-1, 1]."""
    generator = np.random.default_rng(channels)
    return generator.uniform(-1, 1, (count, *size, channels)).astype(np.float32)


def step_and_save(wanted, condition, color, path):
    """Builds a model, checks that one step moves every weight, and saves its networks."""
    keras.utils.set_random_seed(0)
    model = models.build(wanted, SIZE, steps=10)
    model.run_eagerly = True  # a single step: tracing it would take longer
    before = [np.array(each) for each in model.trainable_variables]
    losses = model.train_on_batch(condition, color, return_dict=True)
    assert all(np.isfinite(loss) for loss in losses.values())
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.any(old != variable), variable.path
    networks = {"generator": condition}
    if wanted.model.kind == "gan":
        networks["discriminator"] = [condition[..., :1], color]  # without hints
    for name, inputs in networks.items():
        network = getattr(model, name)
        network.save(path / f"{name}.keras")
        again = keras.models.load_model(path / f"{name}.keras")
        np.testing.assert_array_equal(again(inputs), network(inputs))
    return model


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_steps_moves_all_its_weights_and_loads_as_it_was_saved(name, tmp_path):
    step_and_save(tiny(*VARIANTS[name]), tf.constant(noise(1)), tf.constant(noise(3)), tmp_path)


@pytest.mark.parametrize("name", config.shipped_names())
def test_every_shipped_config_steps_and_saves_on_real_batches(name, data_dir, tmp_path):
    screened = ["augment.screentone=0.5"] if name.endswith("gray") else []
    wanted = tiny(name, *screened)
    epoch = wanted.augment.first_hints  # before it, the weights that take hints stay as they are
    condition, color = next(iter(data_for(wanted, data_dir).training(epoch)))
    step_and_save(wanted, condition, color, tmp_path)


def test_without_a_variant_the_networks_are_the_papers():
    keras.utils.set_random_seed(0)
    deep = [f"model.{part}=[4,4,4,4,4,4]" for part in ("encoder", "decoder", "discriminator")]
    model = models.build(tiny("gan_gray", *deep), SIZE)
    level, joined = (["Conv2D", "BatchNormalization", "LeakyReLU"],
                     ["Conv2DTranspose", "CropTo", "BatchNormalization", "ReLU", "Concatenate"])
    for network, kinds in (
            (model.generator, ["InputLayer", *level * 6, *joined * 6, "Conv2D"]),
            (model.discriminator, ["InputLayer", "InputLayer", "Concatenate", *level * 6,
                                   "Flatten", "Dense"])):
        assert [type(layer).__name__ for layer in network.layers] == kinds
    assert (model.generator.count_params(), model.discriminator.count_params()) == (4490, 1641)
    # as they were before there were variants, drawn in the same order
    drawn = [float(np.abs(np.array(each)).sum()) for each in model.trainable_variables]
    assert sum(drawn) == pytest.approx(657.339, rel=1e-4)
    assert model.optimizer.learning_rate.shape == ()


def test_each_choice_reaches_the_networks_it_is_about():
    model = models.build(tiny(*VARIANTS["all of a gan"]), SIZE, steps=10)
    generator, judge = ({type(layer).__name__ for layer in network.layers}
                        for network in (model.generator, model.discriminator))
    assert {"GroupNormalization", "UpSampling2D", "JoinLuminance"} <= generator
    assert "GroupNormalization" in judge
    assert not (generator | judge) & {"BatchNormalization", "Conv2DTranspose", "Dense"}
    assert all(layer.groups == layer.output.shape[-1] for layer in model.generator.layers
               if isinstance(layer, layers.GroupNormalization))


def test_the_absolute_objective_is_the_sum_of_distances_meaned_over_the_batch():
    fake, color = noise(3), noise(3)[::-1]
    expected = np.abs(fake - color).sum(axis=(1, 2, 3)).mean()
    assert float(absolute_loss(fake, color)) == pytest.approx(expected, rel=1e-5)
    model = models.build(tiny("convnet_gray", "loss.objective=absolute"), SIZE)
    condition = noise(1)
    loss = float(model.test_step((condition, color))["loss"])
    expected = np.abs(model.generator(condition) - color).sum(axis=(1, 2, 3)).mean()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_likely_classes_make_the_very_colour_and_unlikely_ones_cost_more():
    color = noise(3)[:, :8, :8]
    shares = np.array(classes_of(color))
    levels = np.linspace(-1, 1, LEVELS)
    lattice = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    np.testing.assert_allclose(shares @ lattice, color, atol=1e-6)
    sure = 30 * np.eye(LEVELS ** 3, dtype=np.float32)[None]  # each pixel is sure of one class
    np.testing.assert_allclose(MixClasses()(sure[None])[0, 0], lattice, atol=1e-6)
    right, wrong = np.log(shares + 1e-6), np.log(shares[::-1] + 1e-6)
    entropy = -(shares * np.log(np.maximum(shares, 1e-9))).sum((1, 2, 3)).mean()
    assert float(class_loss(right, color)) == pytest.approx(entropy, rel=1e-2)
    assert float(class_loss(wrong, color)) > 2 * entropy


def test_the_patch_head_judges_each_place_by_its_surroundings_alone():
    judge = models.discriminator(SIZE, [4, 4], head="patch")
    condition, color = noise(1), noise(3)
    logits = judge([condition, color])
    assert logits.shape == (4, 16, 24, 1)
    other = color.copy()
    other[:, 0, 0] *= -1  # 6 * 2^2 - 2 = 22 pixels across: it cannot be seen from far away
    changed = np.any(judge([condition, other]) != logits, axis=(0, 3))
    rows, columns = np.nonzero(changed)
    assert changed[0, 0]
    assert max(rows.max(), columns.max()) < 22 / 4


def test_a_spectral_kernel_is_divided_by_its_largest_singular_value_and_stays_as_learned(tmp_path):
    layer = SpectralConv2D(8, 4, strides=2, padding="same")
    network = keras.Sequential([keras.Input((16, 16, 3)), layer])
    kernel, pictures = np.array(layer.kernel) * 7, noise(3, (16, 16))
    layer.kernel.assign(kernel)
    for _ in range(60):
        network(pictures, training=True)
    largest = np.linalg.svd(kernel.reshape(-1, 8), compute_uv=False)[0]
    expected = keras.ops.conv(pictures, kernel / largest, strides=2, padding="same")
    np.testing.assert_allclose(network(pictures), expected, atol=1e-4)
    np.testing.assert_array_equal(layer.kernel, kernel)
    with tf.GradientTape() as tape:  # a longer kernel gives the same answers
        loss = tf.reduce_sum(network(pictures) ** 2)
    along = np.sum(np.array(tape.gradient(loss, layer.kernel.value)) * kernel)
    assert abs(along) < 1e-3 * float(loss)
    network.save(tmp_path / "spectral.keras")
    again = keras.models.load_model(tmp_path / "spectral.keras")
    np.testing.assert_array_equal(again(pictures), network(pictures))


def test_a_discriminator_that_sees_chroma_knows_no_luminance():
    judges = [models.discriminator(SIZE, [4, 4], head="patch", sees=seen)
              for seen in ("chroma", "color")]
    condition, color = noise(1) / 2, noise(3) / 2
    brighter = color + noise(1) / 2
    same = [np.allclose(judge([condition, color]), judge([condition, brighter]), atol=1e-5)
            for judge in judges]
    assert same == [True, False]
    chroma = ChromaOf()(color)
    luminance = pixels.RED * color[..., :1] + pixels.GREEN * color[..., 1:2] + \
        pixels.BLUE * color[..., 2:]
    np.testing.assert_allclose(JoinLuminance()(chroma, luminance), color, atol=1e-5)


def test_before_the_game_g_learns_its_l1_alone_and_both_begin_it_afresh():
    wanted = tiny("gan_gray", "train.adversarial_from=1", "optimizer.adversarial_rate=3e-4",
                  "optimizer.ema=0.9")
    keras.utils.set_random_seed(0)
    model, data = models.build(wanted, SIZE), (noise(1), noise(3))
    judge = [np.array(each) for each in model.discriminator.get_weights()]
    model.enter(0, whole=True)
    for _ in range(2):
        logs = model.train_on_batch(*data, return_dict=True)
    assert logs.keys() == {"g_loss", "l1", "g_gradient_norm"}
    assert logs["g_loss"] == pytest.approx(100 * logs["l1"])
    for before, after in zip(judge, model.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    model.enter(1, whole=True)
    assert model.optimizer.iterations == 0
    assert float(model.optimizer.learning_rate) == pytest.approx(3e-4)
    assert all(not np.any(each) for each in model.optimizer.variables[2:])
    slow = [np.array(each) for each in model.averaged.get_weights()]
    logs = model.train_on_batch(*data, return_dict=True)
    assert {"d_loss", "g_adversarial", "l1"} < logs.keys()
    for before, fast, after in zip(slow, model.generator.get_weights(),
                                   model.averaged.get_weights(), strict=True):
        np.testing.assert_allclose(after, 0.9 * before + 0.1 * fast, atol=1e-6)  # it goes on
    assert np.any(judge[0] != model.discriminator.get_weights()[0])
    model.enter(1, whole=False)  # the rest of an epoch that was left goes on
    assert model.optimizer.iterations == 1


def test_a_resizing_decoder_draws_no_checkerboard_where_there_is_nothing_to_draw():
    model = models.build(tiny("gan_gray", "model.upsampling=resize"), SIZE)
    assert not [layer for layer in model.generator.layers
                if isinstance(layer, layers.Conv2DTranspose)]
    flat = keras.Input((8, 8, 3))
    for kind, smooth in (("resize", True), ("bilinear", True), ("mirrored", True),
                         ("transposed", False)):
        doubled = keras.Model(flat, upsample(flat, 5, kind))(np.ones((1, 8, 8, 3)))
        assert doubled.shape == (1, 16, 16, 5)
        inner = np.array(doubled)[0, 2:-2, 2:-2]
        assert (np.ptp(inner, axis=(0, 1)).max() < 1e-5) == smooth


def test_a_bilinear_decoder_doubles_as_opencv_does():
    picture = noise(3, (9, 7), 1)
    doubled = Double()(picture)
    assert doubled.shape == (1, 18, 14, 3)
    np.testing.assert_allclose(doubled[0], cv2.resize(picture[0], (14, 18)), atol=1e-5)


@pytest.mark.parametrize(("levels", "coarse"), [(6, 2), (3, 2), (2, 2), (1, 1)])
def test_a_mirrored_decoder_has_symmetric_kernels_where_it_is_coarse(levels, coarse):
    kinds = [type(layer) for layer in models.unet([4] * levels, [4] * levels,
                                                  upsampling="mirrored").layers
             if isinstance(layer, layers.Conv2DTranspose)]
    assert kinds == [MirroredConv2DTranspose] * coarse + [layers.Conv2DTranspose] * (
        levels - coarse)


def test_a_mirrored_kernel_enlarges_mirrored_pictures_alike():
    given = keras.Input((8, 8, 3))
    enlarge = keras.Model(given, upsample(given, 5, "mirrored"))
    picture = noise(3, (8, 8))
    for axis in (1, 2):
        np.testing.assert_allclose(enlarge(np.flip(picture, axis)),
                                   np.flip(enlarge(picture), axis), atol=1e-5)


def test_under_distance_the_last_levels_see_no_lines(tmp_path):
    unet = models.unet([4, 5, 6, 7], [7, 6, 5, 4], upsampling="bilinear", lines="distance")
    joined = [layer for layer in unet.layers if isinstance(layer, layers.Concatenate)]
    # the condition with the distance, two levels with their mirrors, and the distance alone
    assert [layer.output.shape[-1] for layer in joined] == [2, 7 + 6, 6 + 5, 4 + 1]
    near, = [layer for layer in unet.layers if isinstance(layer, NearestLine)]
    assert joined[-1].input[1] is near.output
    crops = [layer for layer in unet.layers if isinstance(layer, CropTo)]
    assert [layer.input[1].shape[-1] for layer in crops] == [6, 5, 4, 1]  # each to its mirror
    unet.save(tmp_path / "unet.keras")
    unet.export(tmp_path / "saved", verbose=False)
    again = keras.models.load_model(tmp_path / "unet.keras")
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    for size in ((64, 96), (65, 99), (91, 160), (1, 1)):
        condition = noise(1, size)
        color = unet(condition)
        assert color.shape == (4, *size, 3)
        np.testing.assert_array_equal(again(condition), color)
        np.testing.assert_allclose(saved.serve(condition), color, atol=1e-5)
    for levels in (1, 2):
        small = models.unet([4] * levels, [4] * levels, lines="distance")
        assert small(noise(1, (65, 99))).shape == (4, 65, 99, 3)


def test_joined_chroma_keeps_every_luminance_and_stays_in_range():
    levels = pixels.to_signed(np.arange(256, dtype=np.float32))
    luminance = np.broadcast_to(levels[:, None, None], (256, 64, 1))[None]  # every gray level
    chroma = np.random.default_rng(0).uniform(-1, 1, (1, 256, 64, 2)).astype(np.float32)
    chroma[..., :8, :] = 0
    color = np.array(JoinLuminance()(chroma, luminance))
    assert np.abs(color).max() <= 1
    np.testing.assert_allclose(color @ [0.299, 0.587, 0.114], luminance[..., 0], atol=1e-4)
    whole = pixels.to_uint8(color[0])
    assert np.abs(cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY).astype(int)
                  - np.arange(256)[:, None]).max() <= 1
    np.testing.assert_array_equal(whole[:, :8], np.arange(256)[:, None, None] + np.zeros((8, 3)))
    assert np.ptp(whole[128], axis=-1).max() > 200


def test_every_rgb_colour_has_a_chroma_that_gives_it_back():
    color = noise(3)
    luminance = (color @ np.float32([0.299, 0.587, 0.114]))[..., None]
    red, blue = (color[..., :1] - luminance) / 1.402, (color[..., 2:] - luminance) / 1.772
    chroma = np.concatenate([red, blue], axis=-1)
    assert np.abs(chroma).max() <= 1
    np.testing.assert_allclose(JoinLuminance()(chroma, luminance), color, atol=1e-3)


def test_a_colour_far_out_of_gamut_still_learns_to_come_back():
    luminance, truth = np.full((1, 1, 1, 1), -0.9, np.float32), np.float32([0.02, 0.02])
    chroma = tf.Variable(np.full((1, 1, 1, 2), 0.9, np.float32))
    color = JoinLuminance()(truth[None, None, None], luminance)
    adam = keras.optimizers.Adam(0.02)
    for _ in range(60):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(JoinLuminance()(chroma, luminance) - color))
        adam.apply([tape.gradient(loss, chroma)], [chroma])
    assert float(loss) < 0.01


@pytest.mark.slow
def test_a_run_with_variants_trains_exports_and_keeps_the_luminance_of_what_it_colours(
        data_dir, tmp_path):
    wanted = tiny("gan_gray", "model.discriminator_head=patch", "model.upsampling=resize",
                  "model.output=chroma", "model.normalization=instance", "train.epochs=1",
                  "optimizer.learning_rate=1e-2")
    assert train.train(wanted, data_for(wanted, data_dir), tmp_path / "run")
    assert export.export(tmp_path / "run", tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    gray = np.random.default_rng(0).integers(0, 256, (1, 65, 99, 1), np.uint8)
    colored = loaded.signatures["network"](pixels=tf.constant(gray))["pixels"].numpy()[0]
    difference = cv2.cvtColor(colored, cv2.COLOR_RGB2GRAY).astype(int) - gray[0, ..., 0]
    assert np.abs(difference).max() <= 1
    assert np.ptp(colored, axis=-1).max() > 10


@pytest.mark.parametrize("in_training", [True, False])
def test_under_instance_normalisation_a_picture_does_not_know_the_rest_of_its_batch(in_training):
    condition = noise(1)
    for kind, independent in (("instance", True), ("batch", False)):
        unet = models.unet([4, 4, 4], [4, 4, 4], models.Normalization(kind))
        alone = np.array(unet(condition[:1], training=in_training))
        among = np.array(unet(condition, training=in_training))[:1]
        assert (np.abs(alone - among).max() < 1e-5) == (independent or not in_training)


def test_under_instance_normalisation_the_last_level_still_sees_the_picture():
    unet = models.unet([4] * 6, [4] * 6, models.Normalization("instance"))
    bottom = [layer for layer in unet.layers if isinstance(layer, layers.LeakyReLU)][-1].output
    features = np.array(keras.Model(unet.input, bottom)(noise(1, (64, 64))))
    assert features.shape == (4, 1, 1, 4)
    assert np.ptp(features, axis=0).min() > 1e-4
    assert np.all(np.isfinite(unet(noise(1, (1, 1)))))


def test_averaged_weights_follow_the_generators_slowly_and_at_first_faster():
    model = models.build(tiny("convnet_gray", "optimizer.ema=0.9"), SIZE)
    slow, fast = (np.array(each.variables[0]) for each in (model.averaged, model.generator))
    np.testing.assert_array_equal(slow, fast)
    for done, momentum in ((0, 0.1), (1, 2 / 11), (80, 0.9), (1000, 0.9)):
        fast = fast + 1
        model.generator.variables[0].assign(fast)
        model.optimizer.iterations.assign(done)
        model.update_average()
        slow = momentum * slow + (1 - momentum) * fast
        np.testing.assert_allclose(np.array(model.averaged.variables[0]), slow, rtol=1e-5)
    assert model.final_generator is model.averaged


def test_the_cosine_starts_at_the_configured_rate_and_ends_at_0():
    wanted = tiny("convnet_gray", "optimizer.schedule=cosine")
    optimizer = models.build(wanted, SIZE, steps=100).optimizer
    rates = []
    for step in range(101):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates[0] == pytest.approx(wanted.optimizer.learning_rate)
    assert rates[50] == pytest.approx(wanted.optimizer.learning_rate / 2)
    assert rates == sorted(rates, reverse=True)
    assert rates[99] < 1e-3 * rates[0]
    assert rates[100] == 0
    with pytest.raises(AssertionError, match="how many steps"):
        models.build(wanted, SIZE)
