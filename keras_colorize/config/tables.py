"""What a run is: a frozen dataclass for each table of its TOML."""

import typing
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelConfig:
    """Which model, on which input, and how wide."""

    kind: typing.Literal["convnet", "gan"]
    """The U-Net alone with a squared loss, or with a discriminator (sections 3.1 and 3.2)."""
    input: typing.Literal["gray", "edge"]
    """What the model is given: the luminance, or white Canny lines on black."""
    encoder: tuple[int, ...] = (64, 128, 256, 512, 512, 512)
    """Channels after each encoder level, top first."""
    decoder: tuple[int, ...] = (512, 512, 256, 128, 64, 64)
    """Channels after each decoder level, bottom first; as many as encoder levels."""
    discriminator: tuple[int, ...] = (64, 128, 256, 512, 512, 512)
    """Channels after each level of the discriminator, of a GAN only."""
    normalization: typing.Literal["batch", "instance"] = "batch"
    """Over the batch, as the paper, or each picture by itself, but for the encoders' last level."""
    normalization_momentum: float = 0.99
    """How slowly BatchNorm's inference statistics follow; lower for short runs."""
    upsampling: typing.Literal["transposed", "resize"] = "transposed"
    """The paper's transposed convolutions, or resizing before a convolution: no checkerboard."""
    output: typing.Literal["color", "chroma"] = "color"
    """RGB, or chroma alone, joined with the input's luminance; of gray input only."""
    discriminator_head: typing.Literal["picture", "patch"] = "picture"
    """One verdict, or one for each patch of 6 * 2^levels - 2 pixels square; of a GAN only."""


@dataclass(frozen=True)
class AugmentConfig:
    """How training pictures are varied; condition and colour alike. The paper does not."""

    flip: bool = False
    """Mirror every second picture, at random."""
    crop: float = 1.0
    """The least share of height and width that a random crop keeps, enlarged again; 1: all."""
    gamma: float = 0.0
    """Lighten or darken by a random exponent between 1 / (1 + gamma) and 1 + gamma."""
    canny: float = 0.0
    """Find edges anew, at the usual thresholds times 1 - canny to 1 + canny; of edge input only."""
    line_thickness: int = 1
    """Widen the lines to a random 1 to this many pixels; of edge input only."""
    screentone: float = 0.0
    """The share of pictures whose input is redrawn as printed manga; of gray input only."""


@dataclass(frozen=True)
class DataConfig:
    """How the dataset is read."""

    cache: bool = False
    """Keep the decoded training pictures in memory (4 GB for the paper's); the same batches."""
    shuffle: int = 4096
    """How many examples, still compressed, wait to be drawn from; smaller datasets wait whole."""


@dataclass(frozen=True)
class LossConfig:
    """The objective of the ConvNet, and the weights of the GAN's."""

    objective: typing.Literal["squared", "absolute"] = "squared"
    """The paper's halved squares, or L1, both summed over pixels; of a ConvNet only."""
    l1_weight: float = 100.0
    """Lambda of the generator's objective (section 3.2.2), of a GAN only."""


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam, one for all networks of a run."""

    learning_rate: float = 2e-4
    beta_1: float = 0.9
    """0.5 in the paper's GAN."""
    schedule: typing.Literal["constant", "cosine"] = "constant"
    """Whether the learning rate stays, or falls to 0 along a cosine over all batches of the run.
    A run continued with more epochs goes on along the longer cosine, so its rate rises again."""
    ema: float = 0.0
    """How slowly an exponential moving average of the generator's weights follows them, 0.999 for
    example; it is what is validated, drawn and saved as the generator. 0: none."""


@dataclass(frozen=True)
class TrainConfig:
    """How long and in what portions."""

    epochs: int = 20
    """May grow when a run is continued."""
    batch_size: int = 64
    seed: int = 0
    """Of the initial weights and of the order of the examples."""
    deterministic: bool = False
    """Bitwise repeatable operations, slower on a GPU."""
    checkpoint_steps: int = 0
    """A checkpoint every so many batches besides the one after each epoch; 0: none besides."""
    checkpoints_kept: int = 2
    """How many checkpoints stay, the last ones; may change when a run is continued."""
    precision: typing.Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the networks' layers; weights, losses and last layers are float32 in any case. On a GPU
    that has tensor cores the shorter ones are faster; on a CPU they are slower."""
    xla: typing.Literal["auto", "on", "off"] = "auto"
    """Whether XLA compiles the step; auto: on JAX, and on TensorFlow for a single GPU."""


@dataclass(frozen=True)
class Config:
    """A run's whole configuration: one dataclass a table."""

    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
