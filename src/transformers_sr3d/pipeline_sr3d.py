# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Stage 5 of 5, pipeline "spatial-vqa": samples (question + views + depth + cameras + regions) -> typed answers.

    preprocess   one sample -> prompt text, and everything the processor makes of its views  (runs in loader workers)
    _forward     a batch of those -> one padded batch -> generate -> answer texts
    postprocess  answer text -> metres, option letter, provenance

Decision: `preprocess` hands over opaque requests, never tensors. The pipeline's own collate function pads unknown
tensors along dimension 1, which is wrong for views that differ in number, so the processor puts a batch together in
`_forward`. The price is that this step does not overlap with the model.

This file is copied to the Hub next to the weights: it may import only torch, transformers and sibling `*_sr3d` files.
"""

import sys
from collections.abc import Iterable, Iterator
from os import PathLike
from types import GeneratorType
from typing import Any

from torch.utils.data import Dataset, IterableDataset
from transformers import GenerationConfig, Pipeline

from .answers_sr3d import asks_for_length, parse_choice, parse_quantity
from .chat_sr3d import PLACEHOLDER, check_text, mention_index
from .pipeline_samples_sr3d import SAMPLE_KEYS, VIEW_KEYS, check_options, read_sample, suggest_key, with_options


MAX_NEW_TOKENS = 64

# What `generate` takes beside the fields of a generation configuration.
_GENERATE_ARGUMENTS = (
    "generate_kwargs",
    "generation_config",
    "logits_processor",
    "stopping_criteria",
    "prefix_allowed_tokens_fn",
    "streamer",
    "custom_generate",
)
# `pipeline(...)` hands this argument of loading on to every pipeline class.
_LOADING_ARGUMENTS = ("local_files_only",)
MIN_MEASURED_SHARE = 0.05  # of a region's pixels; below it a length comes from stray points
_NO_METRIC_SCALE = {
    "relative": "the depth is relative",
    "none": "there is no depth",
}


class SpatialVQAPipeline(Pipeline):
    """Answer questions about marked regions of images, RGB-D images and posed scenes.

    One sample is a dictionary, or a question with the other keys as keyword arguments:

        text (`str`): The question; a region is written `<region0>`.
        images (`list`): One entry per view: path, `PIL.Image`, array or tensor.
        scene (`str`): In place of images and all about them, a scan, video, ... (needs the package), see `read_scene`.
        regions (`list[dict]`): One dictionary per marking, see `SR3DProcessor`.
        options (`list[str]`): Answers to choose from. They are added to the question with letters.
        depths, depth_unit, intrinsics, camera_to_world, world_up, ... : as in `SR3DProcessor`.

    Keys of a sample may also be given as keyword arguments of the call (or of `pipeline(...)`): they then count for
    every sample that can use them (a `depth_unit` for those with depth). A key that is None counts as absent.

    Decoding is greedy with at most 64 new tokens; any generation argument may be given to the call, or to
    `pipeline(...)` for all calls.

    Example:
        vqa = pipeline("spatial-vqa", model="checkpoints/sr3d-tiny", trust_remote_code=True)
        vqa("How wide is <region0>?", images=["a.png"], regions=[{"box_xyxy": [10, 10, 50, 80], "view": 0}])
    """

    _load_processor = True
    _load_tokenizer = False
    _load_image_processor = False
    _load_feature_extractor = False
    _load_video_processor = False
    _pipeline_calls_generate = True
    _default_generation_config = GenerationConfig(max_new_tokens=MAX_NEW_TOKENS)

    def __call__(self, inputs: Any = None, **kwargs: Any) -> dict | list[dict] | Iterator[dict]:
        """Answer one sample, or many in batches.

        Args:
            inputs (`str`, `dict`, `list`, generator, `torch.utils.data.Dataset` or `datasets.Dataset`, *optional*):
                A question, a sample, or any of them in a list, a generator or a dataset. Left out, `text=` is the
                question.
            kwargs:
                Keys of a sample, counting for every sample; `batch_size` and `num_workers`; generation arguments.

        Returns:
            `dict`: `generated_text` (`str`), `quantity` (`{"value": metres, "unit": "m"}` or None), `choice` (letter
            of an option, or None) and `provenance`: `geometry` ("metric", "relative" or "none"), `gravity`, `regions`
            (for each its number `region`, the share `valid` of measured pixels, the share `kept` of marked pixels,
            its number of `views`, and whether the question has it `mentioned`) and `warnings`. A list gives a list;
            a generator or a dataset gives an iterator.

        Raises:
            TypeError: If `inputs` is of another kind, or if an argument is unknown.
            ValueError: If a sample is refused, by name of the offending key.
        """
        if inputs is None:
            inputs = {"text": kwargs.pop("text", None)}
        inputs = _as_pipeline_inputs(inputs)
        return [] if inputs == [] else super().__call__(inputs, **kwargs)

    def _sanitize_parameters(self, **kwargs: Any) -> tuple[dict, dict, dict]:
        shared = {key: kwargs.pop(key) for key in SAMPLE_KEYS if key in kwargs}
        for key in _LOADING_ARGUMENTS:
            kwargs.pop(key, None)
        generation = {key for key in vars(GenerationConfig()) if not key.startswith("_")} | {*_GENERATE_ARGUMENTS}
        for key in kwargs:
            if key not in generation:
                raise TypeError(
                    f"`{key}` is no key of a sample and no generation argument. {suggest_key(key, generation)}"
                )
        return shared, {**(kwargs.pop("generate_kwargs", None) or {}), **kwargs}, {}

    def preprocess(self, input_: str | dict, **shared: Any) -> dict:
        """Check one sample and encode its views.

        Args:
            input_ (`str | dict`):
                A question or a sample.
            shared:
                Keys that count for every sample.

        Returns:
            `dict`: `requests`, a list with the one encoded sample.

        Raises:
            TypeError: If the sample or its question is of another kind.
            ValueError: If a key is unknown, missing, given twice, or if its value is refused.
        """
        sample, notes = read_sample(input_, shared)
        options = check_options(sample.get("options"))
        words = {"text": sample["text"]} | {f"options[{place}]": option for place, option in enumerate(options or [])}
        for name, text in words.items():
            check_text(text, name, self.processor.tokenizer.all_special_tokens)
        question = sample["text"] if options is None else with_options(sample["text"], options)
        images = _as_list(self.processor.prepare_inputs_layout(images=_as_list(sample["images"]))[0])
        views = {key: sample[key] for key in VIEW_KEYS if key in sample}
        if "depths" in views:
            views["depths"] = _as_list(views["depths"])
        encoded = self.processor.encode_views(images, regions=sample.get("regions"), check_scene=True, **views)
        for name, text in words.items():
            for mention in PLACEHOLDER.finditer(text):
                mention_index(int(mention["number"]), encoded["region_numbers"], name)
        content = [*({"type": "image"} for _ in images), {"type": "text", "text": question}]
        prompt = self.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        notes += encoded["provenance"].pop("suspicions")
        return {"requests": [_Request(prompt, encoded, sample["text"], options, notes)]}

    def _forward(self, model_inputs: dict, **generate_kwargs: Any) -> dict:
        requests = list(_flatten(model_inputs["requests"]))
        inputs = self.processor.batch_encoded(
            [request.prompt for request in requests],
            [request.encoded for request in requests],
            padding=True,
            padding_side="left",
            return_tensors="pt",
            return_provenance=True,
        )
        provenance = inputs.pop("provenance")
        inputs = inputs.to(self.device)
        generate_kwargs = self._prepare_generate_kwargs(generate_kwargs, return_dict_in_generate=False)
        if "generation_config" not in generate_kwargs:
            generate_kwargs.setdefault("do_sample", False)
        generated = self.model.generate(**inputs, **generate_kwargs)
        if len(generated) != len(requests):
            raise ValueError(
                f"`num_return_sequences` must be 1: every question has one answer, got {len(generated)} answers for "
                f"{len(requests)} questions. Ask a question several times to sample several answers."
            )
        new_tokens = generated[:, inputs["input_ids"].shape[1] :]
        texts = self.processor.batch_decode(new_tokens, skip_special_tokens=True)
        return {"answers": list(map(_Answer, texts, requests, provenance))}

    def postprocess(self, model_outputs: dict) -> dict:
        """Type one answer.

        Args:
            model_outputs (`dict`):
                `answers`, the one answer of a sample.

        Returns:
            `dict`: `generated_text`, `quantity`, `choice` and `provenance`, see `__call__`.
        """
        (answer,) = _flatten([model_outputs["answers"]])
        quantity = parse_quantity(answer.text)
        is_about_length = quantity is not None or asks_for_length(answer.question)
        found = list(answer.notes)
        found += [
            f"Region {region['region']} was given, but the question does not mention it. Write <region"
            f"{region['region']}> where it is meant."
            for region in answer.provenance["regions"]
            if not region["mentioned"]
        ]
        found += _length_warnings(answer.provenance) if is_about_length else []
        choice = None if answer.options is None else parse_choice(answer.text, answer.options)
        if answer.options is not None and choice is None:
            found.append("The answer names none of the `options`. Ask a model that was trained on such questions.")
        return {
            "generated_text": answer.text,
            "quantity": quantity,
            "choice": choice,
            "provenance": answer.provenance | {"warnings": found},
        }

    def save_pretrained(self, save_directory: str | PathLike, **kwargs: Any) -> None:
        """Save model, pipeline code and the whole processor, so that the folder answers again.

        Args:
            save_directory (`str | PathLike`):
                Folder to write, made if it does not exist.
            kwargs:
                Passed on to every `save_pretrained`.
        """
        super().save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory, **kwargs)


class _Request:
    """One encoded sample on its way to the model; opaque, so that the pipeline neither pads nor moves its tensors."""

    def __init__(self, prompt: str, encoded: dict, question: str, options: list[str] | None, notes: list[str]):
        self.notes = notes
        self.prompt = prompt
        self.encoded = encoded
        self.question = question
        self.options = options


class _Answer:
    """One answer text with what is needed to type it."""

    def __init__(self, text: str, request: _Request, provenance: dict):
        self.text = text.strip()
        self.question = request.question
        self.options = request.options
        self.notes = request.notes
        self.provenance = provenance


class _Rows(Dataset):
    """A map-style `datasets.Dataset` as the torch dataset that pipelines stream from, read row by row."""

    def __init__(self, rows: Any):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        return self.rows[index]


def _as_pipeline_inputs(inputs: Any) -> Any:
    """Bring every accepted form to one that the base class iterates over as such."""
    datasets = sys.modules.get("datasets")  # whoever passes such a dataset has imported the package
    if datasets is not None and isinstance(inputs, datasets.Dataset):
        return _Rows(inputs)
    if isinstance(inputs, (str, dict, list, Dataset, IterableDataset, GeneratorType)):
        return inputs
    if isinstance(inputs, tuple):
        return list(inputs)
    if isinstance(inputs, Iterable):
        return (sample for sample in inputs)
    raise TypeError(
        f"`inputs` must be a question, a sample (dict), or a list, generator or dataset of them, "
        f"got {type(inputs).__name__}. Pass images and regions by keyword: pipeline(question, images=[...])."
    )


def _length_warnings(provenance: dict) -> list[str]:
    """What keeps a length of this sample from being a measurement."""
    if provenance["geometry"] in _NO_METRIC_SCALE:
        reason = _NO_METRIC_SCALE[provenance["geometry"]]
        return [
            f"No metric scale: {reason}, so a length in the answer is a guess from appearance. "
            "Pass metric depth (`depths`, `depth_unit`) and `intrinsics`."
        ]
    return [
        f"Region {region['region']} has measured depth on {region['valid']:.1%} of its pixels, so a length of it is "
        "a guess."
        for region in provenance["regions"]
        if region["mentioned"] and region["valid"] < MIN_MEASURED_SHARE
    ]


def _as_list(value: Any) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _flatten(entries: Iterable) -> Iterator:
    """Undo the one level of nesting that batching adds to lists."""
    for entry in entries:
        yield from entry if isinstance(entry, list) else (entry,)
