"""Lets a torchvision that was built for CUDA be imported beside a torch for CPUs (`make test-train`).

Its compiled operators do not load there, and while it is imported it describes two that then do not exist.
Nothing that the tests train calls an operator of it, so it is enough to declare those two just before.

It lies in the site-packages of that environment, with a `.pth` file that imports it.
"""

import sys
from typing import Any

_declared: list[Any] = []


class _DeclareBefore:
    """Finds nothing, but is asked first."""

    def find_spec(self, module: str, path: object = None, target: object = None) -> None:
        if module != "torchvision" or _declared:
            return
        import torch

        operators = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        _declared.append(operators)


sys.meta_path.insert(0, _DeclareBefore())
