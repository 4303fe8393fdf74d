"""Speed of the paper's GAN on a card: images per second, share of its peak, and peak memory.

    .venv/bin/python benchmarks/gpu.py --peak-tflops 989 [--batch 64] [--pytorch PYTHON]
    KERAS_BACKEND=jax .venv/bin/python benchmarks/gpu.py --peak-tflops 989

Rows are float32, TF32 and bfloat16, on TensorFlow with and without XLA; with `--pytorch`, the
interpreter of an environment that has PyTorch, `benchmarks/pytorch_gan.py` on the same card. Each
row is a process of its own, so that its memory is its own, and is timed several times, since to
compile a step takes a minute. A step's work is counted from the networks, two for each
multiplication and addition of a convolution.
G makes 3 passes: forward, back to its activations, back to its weights. D makes 7: those 3 on real
and on generated pictures for its own loss, and one back to the generated picture for G's. But for
this last one, no pass goes back through a first layer to what the network was given. Peak figures
of a card are for dense bfloat16.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from pathlib import Path

from rows import Row, Table, parse
from tqdm import tqdm

PYTORCH = Path(__file__).with_name("pytorch_gan.py")
PRECISIONS = ("float32", "tf32", "bfloat16")


def layer_operations(network) -> list[int]:
    """Multiplications and additions of each convolution and dense layer, a picture."""
    from keras import layers

    work = []
    for layer in network.layers:
        if isinstance(layer, layers.Conv2DTranspose):
            work.append(2 * math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3]))
        elif isinstance(layer, layers.Conv2D):
            work.append(2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3]))
        elif isinstance(layer, layers.Dense):
            work.append(2 * math.prod(layer.kernel.shape))
    return work


def step_operations(model, size: tuple[int, int]) -> int:
    """Multiplications and additions of a training step of the GAN, a picture."""
    import keras

    generator = layer_operations(keras.models.clone_model(
        model.generator, input_tensors=keras.Input((*size, 1))))  # of known size
    judge = layer_operations(model.discriminator)
    return 3 * sum(generator) - generator[0] + 7 * sum(judge) - 2 * judge[0]


def measure(options: argparse.Namespace) -> dict:
    """One row, in this process."""
    from keras_colorize import import_tensorflow

    import_tensorflow()
    import keras
    import tensorflow as tf
    from bare_step import BareStep

    from keras_colorize import config

    on_jax = keras.backend.backend() == "jax"
    size = tuple(map(int, options.size.split("x")))
    tf.config.experimental.enable_tensor_float_32_execution(options.precision == "tf32")
    if on_jax:
        import jax

        jax.config.update("jax_default_matmul_precision", {
            "float32": "highest", "tf32": "tensorfloat32", "bfloat16": None}[options.precision])
    precision = "bfloat16" if options.precision == "bfloat16" else "float32"
    wanted = config.load(options.config, [
        f"train.batch_size={options.batch}", f"train.precision={precision}",
        f"train.xla={'on' if options.xla else 'off'}"])
    bare = BareStep(wanted, size)
    speeds = [bare.images_per_second(options.steps) for _ in range(options.turns)]
    if on_jax:
        stats = jax.devices()[0].memory_stats() or {}
        memory = stats.get("peak_bytes_in_use", 0)
    else:
        gpus = tf.config.list_physical_devices("GPU")
        memory = tf.config.experimental.get_memory_info("GPU:0")["peak"] if gpus else 0
    return {"images_per_second": speeds, "peak_gb": memory / 1e9,
            "work": step_operations(bare.model, size)}


def commands(options: argparse.Namespace) -> dict[str, list[str]]:
    """Gives the command of each row, by its name."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    shared = ["--batch", str(options.batch), "--size", options.size, "--steps", str(options.steps),
              "--turns", str(options.turns)]
    named = {}
    for precision in PRECISIONS:
        for compiled in ([True] if backend == "jax" else [False, True]):
            named[f"{backend}{' with XLA' if compiled else ''}, {precision}"] = [
                sys.executable, __file__, *shared, "--config", options.config, "--precision",
                precision, *(["--xla"] if compiled else [])]
        if options.pytorch:
            named[f"PyTorch, {precision}"] = [
                options.pytorch, str(PYTORCH), *shared, "--precision", precision, "--device",
                options.pytorch_device]
    return named


def answer(name: str, command: list[str]) -> dict:
    """Runs the command of a row and reads what it measured."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {name}: failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peak-tflops", type=float, help="of the card, for the share of it")
    parser.add_argument("--config", default="gan_gray")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", default="180x320")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--pytorch", metavar="PYTHON")
    parser.add_argument("--pytorch-device", default="cuda")
    parser.add_argument("--precision", choices=PRECISIONS, help=argparse.SUPPRESS)
    parser.add_argument("--xla", action="store_true", help=argparse.SUPPRESS)
    options = parse(parser, steps=10, turns=1)
    if options.precision:
        print(json.dumps(measure(options)))
        return
    named = commands(options)
    answers = {name: answer(name, command) for name, command in tqdm(named.items())}
    work = next(each["work"] for each in answers.values() if "work" in each)
    table = Table(options, f"{options.config}, batches of {options.batch}, {options.size}; "
                  f"{work / 1e9:.1f} billion work a picture; ratios are shares of the peak")
    for name, each in answers.items():
        speeds = each["images_per_second"]
        shares = ([speed * work / options.peak_tflops / 1e12 for speed in speeds]
                  if options.peak_tflops else [])
        table.add(Row(name, "images/s", speeds, shares,
                      0.3 if "bfloat16" in name and "PyTorch" not in name else None,
                      f"peak memory {each['peak_gb']:.1f} GB"))


if __name__ == "__main__":
    main()
