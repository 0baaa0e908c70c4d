"""Pure: convolution layers with their gradients, in numpy alone.

Images are ``(n, height, width, channels)``, kernels ``(k, k, in, out)`` with odd ``k`` and "same" padding.
Each forward function returns its output and what its backward function needs.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]


def _windows(images: Array, size: int, stride: int) -> Array:
    """All ``size`` x ``size`` neighbourhoods as rows, ``(n * out_h * out_w, size * size * channels)``."""
    count, height, width, channels = images.shape
    if size == 1:
        return images.reshape(-1, channels)
    pad = size // 2
    padded = np.zeros((count, height + 2 * pad, width + 2 * pad, channels), images.dtype)
    padded[:, pad:-pad, pad:-pad] = images
    views = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return views.transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * channels)


def convolve(images: Array, kernel: Array, bias: Array, stride: int = 1) -> tuple[Array, Array]:
    """Convolves; the side lengths must be multiples of the stride.

    Returns:
        The output ``(n, height / stride, width / stride, out)`` and the windows, for ``convolve_gradient``.
    """
    count, height, width, _ = images.shape
    windows = _windows(images, kernel.shape[0], stride)
    output = windows @ kernel.reshape(-1, kernel.shape[3])
    output += bias
    return output.reshape(count, height // stride, width // stride, -1), windows


def kernel_gradient(windows: Array, kernel: Array, gradient: Array) -> tuple[Array, Array]:
    """The loss gradient with respect to the kernel and the bias, from the gradient of the output."""
    rows = gradient.reshape(-1, gradient.shape[3])
    return (windows.T @ rows).reshape(kernel.shape), rows.sum(axis=0)


def image_gradient(kernel: Array, gradient: Array, stride: int = 1) -> Array:
    """The loss gradient with respect to the input images, from the gradient of the output."""
    size = kernel.shape[0]
    if stride == 1:  # a convolution with the kernel turned by half a turn
        turned = np.ascontiguousarray(kernel[::-1, ::-1].transpose(0, 1, 3, 2))
        return convolve(gradient, turned, np.zeros(kernel.shape[2], kernel.dtype))[0]
    count, out_height, out_width, channels = gradient.shape
    pad = size // 2
    spread = gradient.reshape(-1, channels) @ kernel.reshape(-1, channels).T
    spread = spread.reshape(count, out_height, out_width, size, size, kernel.shape[2])
    height, width = out_height * stride, out_width * stride
    padded = np.zeros((count, height + 2 * pad, width + 2 * pad, kernel.shape[2]), gradient.dtype)
    for row in range(size):
        for column in range(size):
            rows = slice(row, row + height, stride)
            columns = slice(column, column + width, stride)
            padded[:, rows, columns] += spread[:, :, :, row, column]
    return padded[:, pad : pad + height, pad : pad + width]


def double(images: Array) -> Array:
    """Doubles height and width by repeating each value."""
    return images.repeat(2, axis=1).repeat(2, axis=2)


def double_gradient(gradient: Array) -> Array:
    """The loss gradient with respect to the input of ``double``."""
    count, height, width, channels = gradient.shape
    summed: Array = gradient.reshape(count, height // 2, 2, width // 2, 2, channels).sum(axis=(2, 4))
    return summed
