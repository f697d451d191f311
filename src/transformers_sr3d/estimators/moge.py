# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""MoGe as an estimator of depth and focal length from one image: the package `dlr-moge`, as it is on PyPI (2.0.0).

MoGe-2 with its scale head gives metres, MoGe-1 and MoGe-2 without it a depth without a unit. Intrinsics are those of
an image of width and height 1; where the image shows nothing (sky), depth is infinite. A known focal length is handed
on as the field of view.

The package needs torchvision; see docs/estimators.md.

May import: NumPy, torch, PIL, siblings, and the package inside a function.
"""

import importlib
import math
from typing import Any

import numpy as np
import torch
from PIL import Image

from transformers_sr3d.estimators.checkpoints import checkpoint_identity
from transformers_sr3d.estimators.depth import DepthEstimate
from transformers_sr3d.estimators.licences import announce, find_licence


VERSIONS = ("v1", "v2")
WEIGHTS_FILE = "model.pt"


class MoGe:
    """MoGe-1 or MoGe-2. Weights are loaded at once, because they tell whether there are metres.

    Args:
        model (`str`):
            Weights file (`model.pt`) or Hub repository, for example `"Ruicheng/moge-2-vits-normal"`.
        version (`str`, defaults to `"v2"`):
            `"v1"` or `"v2"`: which of the two networks.
        device (`str`, *optional*):
            For example `"cuda:0"`; an accelerator if there is one.

    Raises:
        ImportError: If the package is not installed.
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the version is unknown.
    """

    finds_focal = True

    def __init__(self, model: str, *, version: str = "v2", device: str | None = None) -> None:
        if version not in VERSIONS:
            raise ValueError(f"`version` must be one of {VERSIONS}, got {version!r}. Choose that of the checkpoint.")
        self.name = model
        self.identity = checkpoint_identity(model, file=WEIGHTS_FILE)
        self.licence = find_licence(model)
        announce(self.licence)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._network = _network_class(version).from_pretrained(model).to(self.device).eval()
        # Set by the network's constructor where its config has one.
        self.kind = "metric" if "scale_head" in dict(self._network.named_children()) else "relative"

    def estimate(self, image: Image.Image, focal_px: float | None = None) -> DepthEstimate:
        """Estimate depth and focal length of one image.

        Args:
            image (`PIL.Image.Image`):
                RGB.
            focal_px (`float`, *optional*):
                Horizontal focal length if it is known, in pixels.

        Returns:
            `DepthEstimate`: Of the size of the image.
        """
        pixels = torch.from_numpy(np.asarray(image.convert("RGB")).copy()).permute(2, 0, 1).float() / 255
        fov_deg = None if focal_px is None else math.degrees(2 * math.atan(image.width / 2 / focal_px))
        found = self._network.infer(pixels.to(self.device), fov_x=fov_deg, use_fp16=self.device != "cpu")
        depth = found["depth"].float().cpu().numpy()
        depth = np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)
        return DepthEstimate(depth, self.kind, float(found["intrinsics"][0, 0]) * image.width)


def _network_class(version: str) -> Any:
    try:
        return importlib.import_module(f"moge.model.{version}").MoGeModel
    except ImportError as error:
        raise ImportError(
            f"`dlr-moge` and what it needs must be installed, got {error}. See docs/estimators.md."
        ) from error
