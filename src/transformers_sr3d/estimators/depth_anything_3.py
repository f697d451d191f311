# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth Anything 3 as an estimator of depth and poses: the package `depth-anything-3`, as it is on PyPI (0.1.1).

Its any-view models (`da3-small`, `-base`, `-large`, `-giant`) give depth and poses in a unit of their own, the nested
ones in metres. Its `extrinsics` are world to camera, its intrinsics are pixels of the depth maps, which cover the
whole image at another size. Its monocular models (`da3metric-large`, `da3mono-large`) give no poses and are refused.

The package needs torchvision; see docs/estimators.md.

May import: NumPy, torch, PIL, siblings, and the package inside a function.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from transformers_sr3d.estimators.checkpoints import checkpoint_identity
from transformers_sr3d.estimators.licences import announce, find_licence
from transformers_sr3d.estimators.multi_view_types import MultiViewEstimate


PROCESSING_SIDE = 504


class DepthAnything3:
    """Depth Anything 3. Weights are loaded with the first estimate.

    Args:
        model (`str`):
            Folder or Hub repository, for example `"depth-anything/DA3-SMALL"`.
        device (`str`, *optional*):
            For example `"cuda:0"`; an accelerator if there is one.
        processing_side (`int`, defaults to 504):
            Longer side to which the package resizes pictures, in pixels.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
    """

    def __init__(self, model: str, *, device: str | None = None, processing_side: int = PROCESSING_SIDE) -> None:
        self.name = model
        self.identity = f"{checkpoint_identity(model)}, longer side {processing_side}"
        self.licence = find_licence(model)
        self.device = device
        self.processing_side = processing_side
        self._network: Any = None

    def estimate(self, images: Sequence[Image.Image]) -> MultiViewEstimate:
        """Estimate all views together.

        Args:
            images (`Sequence[PIL.Image.Image]`):
                RGB, all of one size; the package would crop them otherwise.

        Returns:
            `MultiViewEstimate`: In their order; sky has no depth.

        Raises:
            ImportError: If the package is not installed.
            ValueError: If sizes differ or the model gives no poses.
        """
        if len({image.size for image in images}) > 1:
            raise ValueError(
                f"`images` must have one size, got {sorted({image.size for image in images})}. Select views of one "
                "size: others would be cropped."
            )
        prediction = self._load().inference(list(images), process_res=self.processing_side)
        if prediction.extrinsics is None or prediction.intrinsics is None:
            raise ValueError(
                f"`model` must be an any-view or nested model, got {self.name}, which gives depth without poses. Use "
                "for example depth-anything/DA3-SMALL."
            )
        depths = np.array(prediction.depth, dtype=np.float32)
        if prediction.sky is not None:
            depths[np.asarray(prediction.sky, dtype=bool)] = 0
        return MultiViewEstimate(
            depths=depths,
            intrinsics=np.asarray(prediction.intrinsics, dtype=np.float64),
            camera_to_world=_invert(np.asarray(prediction.extrinsics, dtype=np.float64)),
            confidence=None if prediction.conf is None else np.asarray(prediction.conf, dtype=np.float32),
            is_metric=bool(prediction.is_metric),
        )

    def _load(self) -> Any:
        if self._network is None:
            try:
                from depth_anything_3.api import DepthAnything3 as Network
            except ImportError as error:
                raise ImportError(
                    f"`depth-anything-3` and what it needs must be installed, got {error}. See docs/estimators.md."
                ) from error
            announce(self.licence)
            device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
            self._network = Network.from_pretrained(self.name).to(device).eval()
        return self._network


def _invert(world_to_camera: np.ndarray) -> np.ndarray:
    """Turn `(V, 3 or 4, 4)` world-to-camera matrices into `(V, 4, 4)` rigid camera-to-world ones.

    The rotation of a network is orthonormal to its own precision, so the nearest rotation is taken.
    """
    poses = np.tile(np.eye(4), (len(world_to_camera), 1, 1))
    left, _, right = np.linalg.svd(world_to_camera[:, :3, :3])
    rotations = left @ right
    poses[:, :3, :3] = rotations.transpose(0, 2, 1)
    poses[:, :3, 3] = -(poses[:, :3, :3] @ world_to_camera[:, :3, 3:])[..., 0]
    return poses
