import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny

from keras_colorize import config, models
from keras_colorize.models.losses import (
    Weights,
    d_accuracies,
    gan_losses,
    own_losses,
    squared_loss,
    variation_off_lines,
)

WIDTHS = [4] * 6


def batch(size=(64, 96), count=4, seed=0):
    """A batch of noise: conditions and colours in [-1, 1]."""
    noise = np.random.default_rng(seed)
    return tuple(tf.constant(noise.uniform(-1, 1, (count, *size, channels)), tf.float32)
                 for channels in (1, 3))


@pytest.mark.parametrize("size", [(64, 64), (65, 99), (90, 160), (180, 320), (181, 333)])
def test_the_unet_gives_a_colour_picture_of_the_inputs_size(size):
    condition, _ = batch(size, count=1)
    color = models.unet(WIDTHS, WIDTHS)(condition)
    assert color.shape == (1, *size, 3)
    assert np.abs(color).max() <= 1


def test_the_paper_unets_levels_are_those_of_the_design():
    paper = config.load("gan_gray").model
    unet = models.unet(paper.encoder, paper.decoder)
    down = [layer for layer in unet.layers if type(layer) is keras.layers.Conv2D][:-1]
    up = [layer for layer in unet.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    joined = [layer for layer in unet.layers if isinstance(layer, keras.layers.Concatenate)]
    assert [layer.filters for layer in down] == [64, 128, 256, 512, 512, 512]
    assert [layer.filters for layer in up] == [512, 512, 256, 128, 64, 64]
    assert {(layer.kernel_size, layer.strides) for layer in down + up} == {((4, 4), (2, 2))}
    # each decoder's channels and its mirror's: five encoder levels, then the condition
    assert [layer.output.shape[-1] for layer in joined] == [1024, 1024, 512, 256, 128, 65]


def test_the_discriminator_judges_a_pair_with_one_number():
    condition, color = batch((65, 99))
    judge = models.discriminator((65, 99), WIDTHS)
    logits = judge([condition, color])
    assert logits.shape == (4, 1)
    assert np.any(logits != judge([condition, -color]))
    assert np.any(logits != judge([-condition, color]))


def test_the_squared_loss_is_half_the_sum_of_squares_meaned_over_the_batch():
    fake = np.zeros((2, 2, 3, 3), np.float32)
    color = np.stack([np.full((2, 3, 3), 1, np.float32), np.full((2, 3, 3), 2, np.float32)])
    assert float(squared_loss(fake, color)) == pytest.approx((0.5 * 18 + 0.5 * 18 * 4) / 2)


def test_gan_losses_are_the_papers_logarithms():
    real, fake = np.array([[2.0], [-1.0]], np.float32), np.array([[0.5], [-3.0]], np.float32)
    pictures, truth = np.full((2, 4, 4, 3), 0.25, np.float32), np.zeros((2, 4, 4, 3), np.float32)

    def probability(logits):
        return 1 / (1 + np.exp(-logits))

    losses = gan_losses(real, fake, own_losses(pictures, truth, truth[..., :1], Weights()))
    d_loss = -np.log(probability(real)).mean() - np.log(1 - probability(fake)).mean()
    adversarial = -np.log(probability(fake)).mean()
    assert float(losses["d_loss"]) == pytest.approx(d_loss, rel=1e-5)
    assert float(losses["g_adversarial"]) == pytest.approx(adversarial, rel=1e-5)
    assert float(losses["l1"]) == pytest.approx(0.25)
    assert float(losses["g_loss"]) == pytest.approx(adversarial + 25, rel=1e-5)


def test_variation_counts_where_no_line_is():
    black = np.full((1, 4, 6, 1), -1, np.float32)
    color = np.zeros((1, 4, 6, 3), np.float32)
    line, faint = black.copy(), black.copy()
    line[:, :, 3], faint[:, :, 2] = 1, 0
    assert float(variation_off_lines(color, black)) == 0
    color[:, :, 3:] = 0.5  # one of five steps to the right
    assert float(variation_off_lines(color, black)) == pytest.approx(0.5 / 5)
    assert float(variation_off_lines(color, faint)) == pytest.approx(0.5 / 5 / 2)
    assert float(variation_off_lines(color, line)) == 0
    turned, lines = np.swapaxes(color, 1, 2), np.swapaxes(line, 1, 2)
    assert float(variation_off_lines(turned, lines)) == 0
    color[:, 2:] += 0.25  # one of three steps down, the line crosses it in one of six places
    assert float(variation_off_lines(color, line)) == pytest.approx(0.25 / 3 * 5 / 6)


def test_variation_has_its_weight_in_the_generators_loss_before_the_game_and_in_it():
    condition, color = batch()
    model = models.build(tiny("gan_edge", "loss.l1_weight=20", "loss.variation=4",
                              "train.adversarial_from=1"), (64, 96))
    fake = model.generator(condition)
    own = 20 * np.abs(fake - color).mean() + 4 * float(variation_off_lines(fake, condition))
    losses = model.losses_of(model.generator, condition, color, training=False)
    assert float(losses["g_loss"] - losses["g_adversarial"]) == pytest.approx(own, rel=1e-5)
    model.enter(0, whole=True)
    losses = model.losses_of(model.generator, condition, color, training=False)
    assert float(losses["g_loss"]) == pytest.approx(own, rel=1e-5)
    assert losses.keys() == {"g_loss", "l1"}


def test_in_one_step_each_network_follows_its_own_loss_from_the_weights_before_it():
    data = batch()
    model = models.build(tiny("gan_gray"), (64, 96))
    seen = {}
    model.optimizer.apply = lambda gradients, variables: seen.update(
        (variable.path, gradient) for gradient, variable in zip(gradients, variables, strict=True))
    model.run_eagerly = True
    model.train_step(data)
    assert len(seen) == len(model.trainable_variables)
    for network, loss in (("discriminator", "d_loss"), ("generator", "g_loss")):
        variables = getattr(model, network).trainable_variables
        with tf.GradientTape() as tape:
            alone = model.losses_of(model.generator, *data, training=True)[loss]
        for expected, variable in zip(tape.gradient(alone, variables), variables, strict=True):
            np.testing.assert_allclose(seen[variable.path], expected, rtol=1e-4, atol=1e-6)
            assert np.any(expected)


def test_one_adam_over_both_networks_moves_them_as_two_adams_would():
    data = batch()
    together, apart = (models.build(tiny("gan_gray"), (64, 96)) for _ in range(2))
    apart.set_weights(together.get_weights())
    adams = {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in ("generator",
                                                                        "discriminator")}
    for _ in range(3):
        together.train_step(data)
        with tf.GradientTape(persistent=True) as tape:
            losses = apart.losses_of(apart.generator, *data, training=True)
        gradients = {name: tape.gradient(losses[loss], getattr(apart, name).trainable_variables)
                     for name, loss in (("generator", "g_loss"), ("discriminator", "d_loss"))}
        for name, adam in adams.items():
            adam.apply(gradients[name], getattr(apart, name).trainable_variables)
    for one, other in zip(together.get_weights(), apart.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", [
    "convnet_gray", pytest.param("gan_gray", marks=pytest.mark.slow)])
def test_one_batch_can_be_overfitted(name):
    keras.utils.set_random_seed(0)
    rows, columns = np.mgrid[-1:1:32j, -1:1:48j].astype(np.float32)
    condition = np.stack([rows * columns, rows - columns])[..., None] / 2
    color = np.stack([np.stack([rows, columns, -rows], -1), np.stack([-columns, rows, rows], -1)])
    wide = "[16,16,16,16]"
    model = models.build(tiny(name, f"model.encoder={wide}", f"model.decoder={wide}",
                              "optimizer.learning_rate=5e-3"), (32, 48))
    for _ in range(150):
        model.train_on_batch(condition, color)
    fake = model.generator(condition, training=True)
    assert np.abs(fake - color).mean() < 0.15 * np.abs(color - condition).mean()


def test_accuracies_are_the_shares_of_pictures_that_d_takes_for_what_they_are():
    real, fake = np.array([[2.0], [-1.0], [3.0], [1.0]]), np.array([[0.5], [-3.0], [1.0], [2.0]])
    accuracies = d_accuracies(real, fake)
    assert float(accuracies["d_real_accuracy"]) == 0.75
    assert float(accuracies["d_fake_accuracy"]) == 0.25


@pytest.mark.parametrize(("name", "norms"), [
    ("convnet_gray", {"gradient_norm": ("generator", "loss")}),
    ("gan_gray", {"d_gradient_norm": ("discriminator", "d_loss"),
                  "g_gradient_norm": ("generator", "g_loss")})])
def test_gradient_norms_are_those_of_each_networks_own_loss(name, norms):
    data = batch()
    model = models.build(tiny(name, "optimizer.learning_rate=1e-30"), (64, 96))
    model.run_eagerly = True
    reported = model.train_step(data)
    for norm, (network, loss) in norms.items():
        with tf.GradientTape() as tape:
            alone = model.losses_of(model.generator, *data, training=True)[loss]
        gradients = tape.gradient(alone, getattr(model, network).trainable_variables)
        flat = np.concatenate([np.ravel(gradient) for gradient in gradients])
        assert float(reported[norm]) == pytest.approx(np.linalg.norm(flat), rel=1e-3)


@pytest.mark.parametrize("name", ["convnet_gray", "gan_gray"])
def test_steps_report_the_raw_losses_of_their_batch_and_fit_their_mean_over_pictures(name):
    model = models.build(tiny(name), (64, 96))
    raw = []
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: raw.append(logs))
    batches = [batch(count=count, seed=count) for count in (4, 4, 1)]
    # of a length that Keras cannot know, where a mean over batches would count one too many
    data = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=(
        tf.TensorSpec((None, 64, 96, 1)), tf.TensorSpec((None, 64, 96, 3))))
    history = model.fit(data, callbacks=[seen], shuffle=False, verbose=0).history
    for loss, mean in history.items():
        values = [logs[loss] for logs in raw]
        assert len(set(values)) == 3 or loss not in model.loss_names
        assert mean[0] == pytest.approx(np.average(values, weights=[4, 4, 1]), rel=1e-5)


def test_saved_networks_load_and_give_the_same_picture(tmp_path):
    condition, color = batch()
    model = models.build(tiny("gan_gray"), (64, 96))
    model.generator.save(tmp_path / "generator.keras")
    model.discriminator.save(tmp_path / "discriminator.keras")
    generator = keras.models.load_model(tmp_path / "generator.keras")
    judge = keras.models.load_model(tmp_path / "discriminator.keras")
    np.testing.assert_array_equal(generator(condition), model.generator(condition))
    pair = [condition, color]
    np.testing.assert_array_equal(judge(pair), model.discriminator(pair))
