"""Images a second of the paper's GAN in PyTorch: the same networks, losses and optimiser.

    python benchmarks/pytorch_gan.py [--size 180x320] [--batch 16] [--steps 3] [--device cpu]

Needs PyTorch alone, which the project itself does not: install it in an environment of its own.
`benchmarks/training.py --pytorch PYTHON` runs it in turns with Keras. One forward pass of D over
G(x) serves both losses, as in `keras_colorize.models.steps`. It prints one line of JSON.
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (64, 128, 256, 512, 512, 512)
DECODER = (512, 512, 256, 128, 64, 64)


def same(size: int) -> int:
    """Padding in all of a 4x4 convolution with stride 2, as TensorFlow's "same" has it."""
    return max((-(-size // 2) - 1) * 2 + 4 - size, 0)


class Encode(nn.Module):
    """A level of the encoder."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.convolution = nn.Conv2d(channels, width, 4, stride=2, bias=False)
        self.normalization = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)

    def forward(self, x):
        height, width = (same(size) for size in x.shape[2:])
        x = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return functional.leaky_relu(self.normalization(self.convolution(x)), 0.2)


class Decode(nn.Module):
    """A level of the decoder."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.convolution = nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1, bias=False)
        self.normalization = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)

    def forward(self, x, mirror):
        x = self.convolution(x)[..., :mirror.shape[2], :mirror.shape[3]]
        return torch.cat([functional.relu(self.normalization(x)), mirror], 1)


class Generator(nn.Module):
    """The U-Net."""

    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleList(map(Encode, (1, *WIDTHS[:-1]), WIDTHS))
        mirrors = (*reversed(WIDTHS[:-1]), 1)
        inputs = (WIDTHS[-1], *(width + mirror for width, mirror in
                                zip(DECODER[:-1], mirrors[:-1], strict=True)))
        self.decoders = nn.ModuleList(map(Decode, inputs, DECODER))
        self.color = nn.Conv2d(DECODER[-1] + 1, 3, 3, padding=1)

    def forward(self, condition):
        levels = [condition]
        for encode in self.encoders:
            levels.append(encode(levels[-1]))
        x = levels.pop()
        for decode in self.decoders:
            x = decode(x, levels.pop())
        return torch.tanh(self.color(x))


class Discriminator(nn.Module):
    """One logit for a pair of condition and colour."""

    def __init__(self, size: tuple[int, int]):
        super().__init__()
        self.encoders = nn.Sequential(*map(Encode, (4, *WIDTHS[:-1]), WIDTHS))
        height, width = (-(-each // 64) for each in size)
        self.logit = nn.Linear(WIDTHS[-1] * height * width, 1)

    def forward(self, condition, color):
        return self.logit(self.encoders(torch.cat([condition, color], 1)).flatten(1))


def step(generator, discriminator, optimizer, condition, color, l1_weight: float = 100.0):
    """One step of both networks; returns both losses."""
    fake = generator(condition)
    real_logits, fake_logits = discriminator(condition, color), discriminator(condition, fake)
    d_loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
    l1 = (fake - color).abs().mean()
    g_loss = functional.softplus(-fake_logits).mean() + l1_weight * l1
    places = (list(discriminator.parameters()), list(generator.parameters()))
    gradients = (*torch.autograd.grad(d_loss, places[0], retain_graph=True),
                 *torch.autograd.grad(g_loss, places[1]))
    for parameter, gradient in zip(places[0] + places[1], gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    return d_loss, g_loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="180x320")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--turns", type=int, default=1, help="how often so many steps are timed")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), default="float32")
    parser.add_argument("--layout", choices=("channels_first", "channels_last"),
                        default="channels_last")
    options = parser.parse_args()
    size = tuple(map(int, options.size.split("x")))
    torch.set_float32_matmul_precision("high" if options.precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = options.precision == "tf32"
    torch.backends.cudnn.benchmark = True
    layout = (torch.channels_last if options.layout == "channels_last"
              else torch.contiguous_format)
    generator, discriminator = (
        each.to(options.device, memory_format=layout) for each in (Generator(),
                                                                   Discriminator(size)))
    optimizer = torch.optim.Adam([*discriminator.parameters(), *generator.parameters()], 2e-4,
                                 (0.5, 0.999), foreach=True)
    condition, color = (torch.rand(options.batch, channels, *size, device=options.device).mul(2)
                        .sub(1).to(memory_format=layout) for channels in (1, 3))
    with torch.autocast(options.device, torch.bfloat16, options.precision == "bfloat16"):
        step(generator, discriminator, optimizer, condition, color)[1].item()  # warm
        speeds = []
        for _ in range(options.turns):
            began = time.perf_counter()
            for _ in range(options.steps):
                _, g_loss = step(generator, discriminator, optimizer, condition, color)
            g_loss.item()  # waits for a GPU
            speeds.append(options.steps * options.batch / (time.perf_counter() - began))
    memory = torch.cuda.max_memory_allocated() if options.device == "cuda" else 0
    print(json.dumps({"images_per_second": speeds,
                      "peak_gb": memory / 1e9, "threads": torch.get_num_threads(),
                      "version": torch.__version__}))


if __name__ == "__main__":
    main()
