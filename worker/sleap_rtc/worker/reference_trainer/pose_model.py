"""Pure: the small convolutional pose model, its gradients by hand, and the Adam step that trains it.

    image ── 5x5/2 ── fine ─────────────────────── + ── 3x3 ── 1x1 ── one score map per node
                       └── 3x3/2 ── 3x3 ── 3x3 ── 1x1, doubled ┘

The score maps have half the working size. The coarse branch sees about 30 working pixels around a place,
which is most of an animal, and the fine branch says where exactly.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from sleap_rtc.worker.reference_trainer.convolution import (
    Array,
    convolve,
    double,
    double_gradient,
    image_gradient,
    kernel_gradient,
)

Parameters: TypeAlias = dict[str, Array]

MAP_STRIDE: Final = 2
"""Working pixels per cell of a score map."""
SIZE_MULTIPLE: Final = 4
"""The sides of an image must be multiples of this."""
FINE_CHANNELS: Final = 12
COARSE_CHANNELS: Final = 24


def initial_parameters(rng: np.random.Generator, n_maps: int, dtype: type[np.floating]) -> Parameters:
    """Random weights for ``n_maps`` score maps, after He et al. 2015 (variance 2 / fan-in)."""
    fine, coarse = FINE_CHANNELS, COARSE_CHANNELS
    shapes = {
        "fine": (5, 5, 1, fine),
        "coarse1": (3, 3, fine, coarse),
        "coarse2": (3, 3, coarse, coarse),
        "coarse3": (3, 3, coarse, coarse),
        "merge": (1, 1, coarse, fine),
        "head": (3, 3, fine, fine),
        "maps": (1, 1, fine, n_maps),
    }
    parameters: Parameters = {}
    for name, shape in shapes.items():
        deviation = np.sqrt(2 / (shape[0] * shape[1] * shape[2]))
        parameters[f"{name}.kernel"] = rng.normal(0, deviation, shape).astype(dtype)
        parameters[f"{name}.bias"] = np.zeros(shape[3], dtype)
    return parameters


@dataclass(frozen=True)
class Trace:
    """What ``forward`` remembers for ``backward``: the windows and the outputs of each layer."""

    windows: Parameters
    outputs: Parameters


def forward(parameters: Parameters, images: Array) -> tuple[Array, Trace]:
    """Scores every cell for every node.

    Args:
        parameters: Of ``initial_parameters`` or of a checkpoint.
        images: ``(n, height, width, 1)``, about zero mean and unit variance.

    Returns:
        Score maps ``(n, height / 2, width / 2, n_maps)`` and the trace for ``backward``.
    """
    windows: Parameters = {}
    outputs: Parameters = {}

    def layer(name: str, source: Array, stride: int = 1) -> Array:
        kernel, bias = parameters[f"{name}.kernel"], parameters[f"{name}.bias"]
        outputs[name], windows[name] = convolve(source, kernel, bias, stride)
        return outputs[name]

    def rectify(values: Array) -> Array:
        return np.maximum(values, 0, out=values)

    fine = rectify(layer("fine", images, 2))
    coarse = rectify(layer("coarse1", fine, 2))
    coarse = rectify(layer("coarse2", coarse))
    coarse = rectify(layer("coarse3", coarse))
    merged = rectify(double(layer("merge", coarse)) + fine)
    outputs["merged"] = merged
    head = rectify(layer("head", merged))
    return layer("maps", head), Trace(windows, outputs)


def backward(parameters: Parameters, trace: Trace, gradient: Array) -> Parameters:
    """The loss gradient with respect to every parameter, from the gradient of the score maps."""
    gradients: Parameters = {}

    def layer(name: str, upstream: Array, stride: int = 1, *, to_input: bool = True) -> Array:
        kernel = parameters[f"{name}.kernel"]
        of_kernel, of_bias = kernel_gradient(trace.windows[name], kernel, upstream)
        gradients[f"{name}.kernel"], gradients[f"{name}.bias"] = of_kernel, of_bias
        return image_gradient(kernel, upstream, stride) if to_input else upstream

    def rectified(name: str, upstream: Array) -> Array:
        return upstream * (trace.outputs[name] > 0)

    merged = rectified("merged", layer("head", rectified("head", layer("maps", gradient))))
    coarse = layer("merge", double_gradient(merged))
    coarse = layer("coarse3", rectified("coarse3", coarse))
    coarse = layer("coarse2", rectified("coarse2", coarse))
    fine = layer("coarse1", rectified("coarse1", coarse), 2) + merged
    layer("fine", rectified("fine", fine), 2, to_input=False)
    return gradients


@dataclass(frozen=True)
class AdamState:
    """The running moments of Adam (Kingma and Ba 2015) and the number of steps taken."""

    step: int
    mean: Parameters
    square: Parameters

    @classmethod
    def start(cls, parameters: Parameters) -> "AdamState":
        """The state before the first step."""
        zeros = {name: np.zeros_like(values) for name, values in parameters.items()}
        return cls(0, zeros, {name: np.zeros_like(values) for name, values in parameters.items()})


def adam_step(
    parameters: Parameters, gradients: Parameters, state: AdamState, learning_rate: float
) -> tuple[Parameters, AdamState]:
    """One step of Adam with the paper's decay rates (0.9, 0.999) and epsilon (1e-8)."""
    step = state.step + 1
    rate = learning_rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    mean = {name: 0.9 * state.mean[name] + 0.1 * gradients[name] for name in parameters}
    square = {name: 0.999 * state.square[name] + 0.001 * gradients[name] ** 2 for name in parameters}
    moved = {
        name: values - (rate * mean[name] / (np.sqrt(square[name]) + 1e-8)).astype(values.dtype)
        for name, values in parameters.items()
    }
    return moved, AdamState(step, mean, square)
