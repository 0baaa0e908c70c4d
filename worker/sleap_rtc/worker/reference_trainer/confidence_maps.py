"""Pure: what the model should say about a frame, how wrong it is, and where it says a node is.

A node's confidence map is a distribution over the cells of the score map: the softmax of its scores. Its
target is a Gaussian around the labelled place, and the loss is the Kullback-Leibler divergence between the
two, which is 0 for a perfect map whatever the size of the image. Places are ``(x, y)`` in cells, with the
centre of the first cell at ``(0, 0)``; a missing node is NaN.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sleap_rtc.worker.reference_trainer.convolution import Array

TARGET_SIGMA_CELLS: Final = 1.5
PEAK_RADIUS_CELLS: Final = 3
"""The neighbourhood whose centre of mass refines a peak: two sigmas."""


def target_maps(places: NDArray[np.float64], height: int, width: int) -> NDArray[np.float32]:
    """The wanted distribution per node.

    Args:
        places: ``(n, nodes, 2)`` in cells.
        height: Rows of a score map.
        width: Columns of a score map.

    Returns:
        ``(n, height, width, nodes)``, each map summing to 1, or all 0 for a node that is missing or outside.
    """

    def profile(centres: NDArray[np.float64], length: int) -> NDArray[np.float64]:
        distance = np.arange(length) - centres[..., None]
        inside = (centres > -1) & (centres < length)
        bell = np.exp(-(distance**2) / (2 * TARGET_SIGMA_CELLS**2))
        return np.where(inside[..., None], bell / bell.sum(axis=-1, keepdims=True, initial=1e-300), 0.0)

    rows, columns = profile(places[..., 1], height), profile(places[..., 0], width)
    maps: NDArray[np.float32] = np.einsum("nkh,nkw->nhwk", rows, columns).astype(np.float32)
    return maps


def divergence(scores: Array, targets: Array) -> tuple[float, Array]:
    """The mean divergence over the nodes that have a target, in nats, and its gradient.

    Args:
        scores: Score maps ``(n, height, width, nodes)``.
        targets: Of ``target_maps``, same shape.

    Returns:
        The loss and its gradient with respect to the scores.
    """
    present = targets.sum(axis=(1, 2), keepdims=True) > 0
    count = max(int(present.sum()), 1)
    shifted = scores - scores.max(axis=(1, 2), keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=(1, 2), keepdims=True)
    log_maps = shifted - np.log(total)
    log_targets = np.log(np.maximum(targets, np.finfo(np.float32).tiny))
    loss = float((targets * (log_targets - log_maps)).sum(dtype=np.float64)) / count
    return loss, (exponentials / total - targets) * (present / np.asarray(count, scores.dtype))


def locate(scores: Array) -> NDArray[np.float64]:
    """Where each node is: the peak of its map, refined by the centre of mass around it.

    Args:
        scores: Score maps ``(n, height, width, nodes)``.

    Returns:
        ``(n, nodes, 2)`` in cells.
    """
    count, _, width, nodes = scores.shape
    places = np.empty((count, nodes, 2))
    for index in range(count):
        for node in range(nodes):
            scored = scores[index, :, :, node]
            row, column = divmod(int(scored.argmax()), width)
            top, left = max(row - PEAK_RADIUS_CELLS, 0), max(column - PEAK_RADIUS_CELLS, 0)
            patch = scored[top : row + PEAK_RADIUS_CELLS + 1, left : column + PEAK_RADIUS_CELLS + 1]
            weight = np.exp((patch - scored[row, column]).astype(np.float64))
            weight /= weight.sum()
            places[index, node, 0] = left + weight.sum(axis=0) @ np.arange(patch.shape[1])
            places[index, node, 1] = top + weight.sum(axis=1) @ np.arange(patch.shape[0])
    return places


def certainty(scores: Array) -> NDArray[np.float64]:
    """How sure the model is of each node: the part of its map that lies around the peak.

    Args:
        scores: Score maps ``(n, height, width, nodes)``.

    Returns:
        ``(n, nodes)``, from 0 to 1.
    """
    count, _, width, nodes = scores.shape
    sure = np.empty((count, nodes))
    for index in range(count):
        for node in range(nodes):
            weight = np.exp(scores[index, :, :, node].astype(np.float64) - scores[index, :, :, node].max())
            row, column = divmod(int(weight.argmax()), width)
            top, left = max(row - PEAK_RADIUS_CELLS, 0), max(column - PEAK_RADIUS_CELLS, 0)
            around = weight[top : row + PEAK_RADIUS_CELLS + 1, left : column + PEAK_RADIUS_CELLS + 1]
            sure[index, node] = around.sum() / weight.sum()
    return sure
