# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""SR-3D in the harness lmms-eval: `--model sr3d --model_args model=checkpoints/sr3d-tiny`, found by entry point.

Every task of the harness works with its pictures and videos. A task whose documents have a column `sr3d` gives the
model more: an object, or its JSON text, with the keys of our pipeline's samples (`scene`, `depths`, `intrinsics`,
`camera_to_world`, `world_up`, `regions`, ...), where files are named relative to `root`. Then a prompt may mention
`<region0>`. With `scene`, the harness's own pictures are not used.

Source: lmms-eval 0.7, `lmms_eval.models.registry_v2` and `lmms_eval.api.model`.

May import: lmms_eval, torch and the whole package.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lmms_eval.api.model import lmms
from PIL import Image
from tqdm import tqdm

from transformers_sr3d.evaluation.asking import generate_answers
from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.inputs.open_source import open_source
from transformers_sr3d.inputs.selection import select_uniform
from transformers_sr3d.pipeline_samples_sr3d import VIEW_KEYS, read_scene


COLUMN = "sr3d"
KEYS = ("scene", "images", "regions", *VIEW_KEYS)
MAX_NEW_TOKENS = 128  # where a task does not say


class SR3DModel(lmms):
    """The model, as the harness asks it.

    Args:
        model (`str`):
            Folder of a checkpoint, or its name on the Hub.
        root (`str`, *optional*):
            Folder that files in the column `sr3d` are relative to; the current one by default.
        frames (`int`, defaults to 32):
            Most frames of a video, or views of a scene, spread evenly.
        batch_size (`int`, defaults to 1):
            Questions generated together.
        bits (`int`, *optional*):
            4 or 8 for each weight of the language model's layers.
        **unused (`Any`):
            What the harness passes to every model, such as `device`; a key that is ours is never among it.

    Raises:
        ValueError: If a number is out of range, or an argument is unknown.
    """

    def __init__(
        self,
        model: str,
        root: str = ".",
        frames: int = 32,
        batch_size: int = 1,
        bits: int | None = None,
        **unused: Any,
    ):
        super().__init__()
        unknown = sorted(set(unused) - {"device", "max_batch_size"})
        if unknown:
            raise ValueError(
                f"`--model_args` may be model, root, frames and bits, got {unknown[0]}. Correct or drop it."
            )
        self.frames, self.batch_size, self.root = int(frames), int(batch_size), Path(root)
        if self.frames < 1 or self.batch_size < 1:
            raise ValueError(f"`frames` and `batch_size` must be at least 1, got {frames} and {batch_size}.")
        self.network, self.processor = open_checkpoint(model, bits=None if bits is None else int(bits))

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Answer the requests of a task.

        Args:
            requests (`Sequence[Instance]`):
                Each with `args`: prompt, settings, function from a document to its pictures, number, task and split.

        Returns:
            `list[str]`: In the order of the requests.

        Raises:
            ValueError: If a document cannot be shown; the message names task and number.
        """
        answers: list[str] = []
        for start in tqdm(range(0, len(requests), self.batch_size), desc="SR-3D", unit="batch", disable=None):
            batch = [request.args for request in requests[start : start + self.batch_size]]
            encoded, conversations = [], []
            for prompt, _, visuals_of, number, task, split in batch:
                document = self.task_dict[task][split][number]
                try:
                    arguments = self._arguments(document, visuals_of(document))
                    encoded.append(self.processor.encode_views(**arguments) if arguments else None)
                except (ValueError, TypeError, OSError) as error:
                    raise ValueError(f"{task} {split} {number}: {error}") from error
                conversations.append([(prompt.replace("<image>", "").strip(), "")])
            longest = max(int(settings.get("max_new_tokens", MAX_NEW_TOKENS)) for _, settings, *_ in batch)
            texts = generate_answers(self.network, self.processor, encoded, conversations, max_new_tokens=longest)
            answers += [
                _cut(text, settings.get("until")) for text, (_, settings, *_) in zip(texts, batch, strict=True)
            ]
        return answers

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Not offered: SR-3D is asked by generation.

        Args:
            requests (`Sequence[Instance]`):
                Any.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("SR-3D answers by generation. Choose a task with output_type generate_until.")

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Not offered, as `loglikelihood`.

        Args:
            requests (`Sequence[Instance]`):
                Any.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("SR-3D is asked one round at a time. Choose a task without further rounds.")

    def _arguments(self, document: Mapping[str, Any], visuals: Sequence[Any] | None) -> dict[str, Any]:
        """What the model is shown of a document."""
        given = document.get(COLUMN) if isinstance(document, Mapping) else None
        try:
            stated = json.loads(given) if isinstance(given, str) else given
        except ValueError as error:
            raise ValueError(f"`{COLUMN}` must be JSON, got {given!r:.80}: {error}. Correct the document.") from error
        if not isinstance(stated, Mapping | None):
            raise ValueError(f"`{COLUMN}` must be an object, got {type(stated).__name__}. Correct the document.")
        sample = {name: value for name, value in (stated or {}).items() if value is not None}
        unknown = sorted(set(sample) - set(KEYS))
        if unknown:
            raise ValueError(f"`{COLUMN}` may hold {', '.join(KEYS)}, got {unknown[0]!r}. Correct the document.")
        for key in ("images", "depths"):
            if key in sample:
                sample[key] = [self._inside(name) for name in sample[key]]
        if "scene" in sample:
            sample["scene"] = self._views_of(self._inside(sample["scene"]))
            return read_scene(sample, ("images", *VIEW_KEYS))
        if "images" not in sample:
            sample["images"] = self._pictures(visuals or [])
        return sample if sample["images"] else {}

    def _pictures(self, visuals: Sequence[Any]) -> list[Image.Image]:
        pictures: list[Image.Image] = []
        for visual in visuals:
            if isinstance(visual, Image.Image):
                pictures.append(visual.convert("RGB"))
            else:  # the path of a video, or of a picture
                pictures += self._views_of(Path(visual)).arguments()["images"]
        return pictures

    def _views_of(self, path: Path) -> Any:
        source = open_source(path)
        return source.select(select_uniform(len(source.views), min(self.frames, len(source.views))))

    def _inside(self, name: Any) -> Path:
        path = self.root / str(name)
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise ValueError(f"`{COLUMN}` must name files inside {self.root}, got {name!r}. Pass another root.")
        return path


def _cut(text: str, until: Any) -> str:
    """End an answer where the task says."""
    for stop in [until] if isinstance(until, str) else until or []:
        text = text.split(stop)[0] if stop else text
    return text.strip()
