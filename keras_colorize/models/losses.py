"""The objectives of the paper: the ConvNet's loss, and those of the game of G and D."""

from dataclasses import dataclass

from keras import ops

from keras_colorize.models.blocks import classes_of


def squared_loss(fake, color):
    """Computes L_i = 1/2 sum |F(x_i) - y_i|^2 over pixels and channels (3.1.2), batch mean.

    Args:
        fake, color: float [batch, h, w, 3] in [-1, 1].

    Returns:
        A scalar, in float32 whatever the inputs' precision.
    """
    difference = ops.cast(fake, "float32") - ops.cast(color, "float32")
    return ops.mean(0.5 * ops.sum(ops.square(difference), axis=(1, 2, 3)))


def absolute_loss(fake, color):
    """Computes sum |F(x_i) - y_i| over pixels and channels, batch mean.

    Its best answer to an uncertain colour is the median. The best answer to the squared loss is
    the mean, which is grayer. Arguments and result are as of `squared_loss`.
    """
    difference = ops.cast(fake, "float32") - ops.cast(color, "float32")
    return ops.mean(ops.sum(ops.abs(difference), axis=(1, 2, 3)))


def class_loss(logits, color):
    """Computes the cross entropy of colour classes, summed over pixels, batch mean.

    Args:
        logits: [batch, h, w, LEVELS ** 3], of each class.
        color: float [batch, h, w, 3] in [-1, 1].
    """
    logits, shares = ops.cast(logits, "float32"), classes_of(ops.cast(color, "float32"))
    entropy = ops.logsumexp(logits, axis=-1) - ops.sum(shares * logits, axis=-1)
    return ops.mean(ops.sum(entropy, axis=(1, 2)))


OBJECTIVES = {"squared": squared_loss, "absolute": absolute_loss}


@dataclass(frozen=True)
class Weights:
    """What counts in the generator's objective beside the game."""

    l1: float = 100.0
    """Lambda."""
    variation: float = 0.0
    """Of `variation_off_lines`."""


def own_losses(fake, color, condition, weights: Weights) -> dict:
    """Computes what the generator minimises without a discriminator, means over the batch.

    Args:
        fake, color: G(x) and y, [batch, h, w, 3] in [-1, 1].
        condition: x, [batch, h, w, 1] in [-1, 1].

    Returns:
        l1 = |G(x) - y|, mean over pixels and channels, and
        g_loss = lambda l1, plus the weighted variation off the lines, if it has a weight.
    """
    l1 = ops.mean(ops.abs(fake - color))
    g_loss = weights.l1 * l1
    if weights.variation:
        g_loss += weights.variation * variation_off_lines(fake, condition)
    return {"g_loss": g_loss, "l1": l1}


def variation_off_lines(color, condition):
    """Computes how much neighbours differ where no line is between them.

    Args:
        color: [batch, h, w, 3].
        condition: [batch, h, w, 1] in [-1, 1], 1 on a line.

    Returns:
        A scalar: |color - its neighbour| times (1 - line), mean over pixels and channels, of both
        directions added. The line, 0 to 1, is the brighter one of the two pixels.
    """
    line = (condition + 1) / 2
    down, right = (ops.abs(color[:, 1:] - color[:, :-1]),
                   ops.abs(color[:, :, 1:] - color[:, :, :-1]))
    down *= 1 - ops.maximum(line[:, 1:], line[:, :-1])
    right *= 1 - ops.maximum(line[:, :, 1:], line[:, :, :-1])
    return ops.mean(down) + ops.mean(right)


def gan_losses(real_logits, fake_logits, own: dict) -> dict:
    """Computes both objectives of section 3.2.2, as scalars to minimise, means over the batch.

    Args:
        real_logits, fake_logits: [batch, 1], or [batch, h, w, 1] of a patch discriminator: D before
            its sigmoid, of y and of G(x).
        own: what `own_losses` returns.

    Returns:
        d_loss = -log D(x, y) - log(1 - D(x, G(x))),
        g_adversarial = -log D(x, G(x)),
        l1 = |G(x) - y|, mean over pixels and channels, and
        g_loss = g_adversarial + lambda l1, plus the variation, if it has a weight.
    """
    d_loss = ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))
    g_adversarial = ops.mean(ops.softplus(-fake_logits))
    return {"d_loss": d_loss, "g_loss": g_adversarial + own["g_loss"],
            "g_adversarial": g_adversarial, "l1": own["l1"]}


def d_accuracies(real_logits, fake_logits) -> dict:
    """Computes the shares, 0..1, of real and of generated pictures that D judges rightly.

    Logits are as of `gan_losses`.
    """
    return {"d_real_accuracy": ops.mean(ops.cast(real_logits > 0, "float32")),
            "d_fake_accuracy": ops.mean(ops.cast(fake_logits < 0, "float32"))}


def gradient_norm(gradients):
    """Computes the Euclidean length of all gradients of a network together, a float32 scalar."""
    squares = [ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in gradients]
    return ops.sqrt(sum(squares))
