# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run: a YAML file -> dataclasses, and back.

One dataclass per section of the file. An unknown key is an error that names it, because a misspelt setting that is
silently ignored costs a training run. The resolved settings are written beside the results, so a run says itself what
it was. Model settings are the arguments of `SR3DConfig`, which checks them.

This module may import yaml and the standard library.
"""

import dataclasses
import typing
from dataclasses import dataclass, field
from pathlib import Path

import yaml


@dataclass(frozen=True)
class SampleSettings:
    """Which rooms are rendered, where their samples are kept, and which of them a stage uses.

    Args:
        cache_dir (`str`, defaults to `"runs/cache"`):
            Folder of the encoded samples. A sub-folder per combination of settings keeps different caches apart.
        furniture (`str`, *optional*):
            Furniture package, folder or pack; the CC0 pack of this package if not given.
        seed (`int`, defaults to 0):
            Of all rooms.
        num_samples (`int`, defaults to 12000):
            Samples of the training split.
        num_val_samples (`int`, defaults to 120):
            Samples of the validation split, for the validation loss.
        samples_per_scene (`int`, defaults to 3):
            Samples of each room: a single view, a few, or all, with other regions and another sensor.
        image_size (`int`, defaults to 192):
            Longer side of the rendered views, pixels.
        max_views (`int`, defaults to 8):
            Most views of a room.
        photo_share (`float`, defaults to 0.4):
            Share of rooms that are seen in one photo only.
        max_regions (`int`, defaults to 10):
            Objects of a sample that get a region number, at most.
        degrade (`bool`, defaults to `True`):
            Whether some samples are seen by poor sensors.
        workers (`int`, defaults to 2):
            Processes that render.
        shard_size (`int`, defaults to 96):
            Samples per file.
        single_views (`bool`, defaults to `False`):
            Whether training uses only the samples of a single view.
        pixels (`bool`, defaults to `True`):
            Whether training shows the views, or only the geometry of regions.
    """

    cache_dir: str = "runs/cache"
    furniture: str | None = None
    seed: int = 0
    num_samples: int = 12000
    num_val_samples: int = 120
    samples_per_scene: int = 3
    image_size: int = 192
    max_views: int = 8
    photo_share: float = 0.4
    max_regions: int = 10
    degrade: bool = True
    workers: int = 2
    shard_size: int = 96
    single_views: bool = False
    pixels: bool = True


@dataclass(frozen=True)
class OptimisationSettings:
    """How the weights are trained.

    Args:
        max_steps (`int`, defaults to 1000):
            Optimiser steps; the cosine schedule ends here.
        batch_size (`int`, defaults to 32):
            Conversations a step.
        learning_rate (`float`, defaults to 1e-3):
            Peak of the schedule.
        muon_learning_rate (`float`, *optional*):
            The same for the matrices in the layers of the language model, which Muon then updates; see `muon`. For
            language models that start from nothing. Not given: AdamW updates all weights.
        warmup_steps (`int`, defaults to 50):
            Steps of linear warm-up.
        weight_decay (`float`, defaults to 0.05):
            On matrices only.
        adam_beta2 (`float`, defaults to 0.98):
            Second moment's decay.
        max_grad_norm (`float`, defaults to 1.0):
            Norm at which gradients are clipped.
        min_questions (`int`, defaults to 1):
            Fewest questions of a conversation.
        max_questions (`int`, defaults to 8):
            Most questions of a conversation.
        number_loss_weight (`float`, defaults to 0.0):
            Weight of the auxiliary loss that makes a middle layer know the number behind each answer; see
            `auxiliary_losses`. For language models that start from nothing.
        name_loss_weight (`float`, defaults to 0.0):
            Weight of the auxiliary loss that makes the same layer know the name of each region.
        auxiliary_loss_layer (`int`, defaults to 1):
            The layer of the language model, counted from 1, that it reads. At least one layer should follow.
        category_weights (`dict`, *optional*):
            How often a category of questions is asked, relative to 1, by its name.
        word_dropout (`float`, defaults to 0.0):
            Share of the filler words of training questions that are left out at random.
        freeze_vision (`bool`, defaults to `False`):
            Whether the vision tower stays as it is; its features are then stored beside the samples.
        augment_yaw (`bool`, defaults to `True`):
            Whether posed scenes are turned about the vertical axis at random.
        augment_scale (`float`, defaults to 0.0):
            Share of the metric scenes that are shown smaller or larger than they are, at random.
        bf16 (`bool`, *optional*):
            Whether matrix products run in bfloat16 (autocast); weights and optimiser stay float32. Not given: where
            the machine is faster at it, which many CPUs are not, by far.
        threads (`int`, *optional*):
            Threads of PyTorch on a CPU. Not given: as many as the machine has.
        dataloader_workers (`int`, defaults to 0):
            Processes that assemble batches.
        save_steps (`int`, defaults to 100):
            Steps between two checkpoints.
        logging_steps (`int`, defaults to 10):
            Steps between two lines of the log.
        eval_steps (`int`, *optional*):
            Steps between two measurements of the validation loss; none if not given.
        max_minutes (`float`, *optional*):
            Minutes of training, over all resumed parts, after which it stops wherever the schedule stands. With one
            process only.
    """

    max_steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 1e-3
    muon_learning_rate: float | None = None
    warmup_steps: int = 50
    weight_decay: float = 0.05
    adam_beta2: float = 0.98
    max_grad_norm: float = 1.0
    min_questions: int = 1
    max_questions: int = 8
    number_loss_weight: float = 0.0
    name_loss_weight: float = 0.0
    auxiliary_loss_layer: int = 1
    category_weights: dict = field(default_factory=dict)
    word_dropout: float = 0.0
    freeze_vision: bool = False
    augment_yaw: bool = True
    augment_scale: float = 0.0
    bf16: bool | None = None
    threads: int | None = None
    dataloader_workers: int = 0
    save_steps: int = 100
    logging_steps: int = 10
    eval_steps: int | None = None
    max_minutes: float | None = None


@dataclass(frozen=True)
class TrainingSettings:
    """A whole run.

    Args:
        output_dir (`str`):
            Folder of the finished checkpoint.
        run_dir (`str`):
            Folder of intermediate checkpoints, logs and the resolved settings.
        seed (`int`, defaults to 0):
            Of weights, batches, conversations and augmentation.
        vocab_size (`int`, defaults to 1024):
            Of the tokenizer that is trained on the questions.
        init_from (`str`, *optional*):
            Checkpoint of an earlier stage, of the same model and samples, whose weights this run starts from.
        init_vision_from (`str`, *optional*):
            Folder with a vision tower, or `"efficientnet-lite0"` for the one that has seen ImageNet; see
            `efficientnet_lite`. An earlier stage has a tower of its own: with `init_from` this is without effect.
        samples (`SampleSettings`):
            Data.
        model (`dict`):
            Arguments of `SR3DConfig`, token ids and vocabulary size left out.
        optimisation (`OptimisationSettings`):
            Training.
        wordings (`str`, *optional*):
            Name of the wordings of questions and answers; see `wordings_version`. A run writes it down, and refuses to
            go on with others. No two settings differ by it.
    """

    output_dir: str
    run_dir: str
    seed: int = 0
    vocab_size: int = 1024
    init_from: str | None = None
    init_vision_from: str | None = None
    samples: SampleSettings = field(default_factory=SampleSettings)
    model: dict = field(default_factory=dict)
    optimisation: OptimisationSettings = field(default_factory=OptimisationSettings)
    wordings: str | None = field(default=None, compare=False)


def read_settings(path: str | Path) -> TrainingSettings:
    """Read the settings of a run from a YAML file.

    A file may name another as its `base`, relative to itself: what it says goes over what stands there.

    Args:
        path (`str` or `Path`):
            The file.

    Returns:
        `TrainingSettings`: With defaults filled in.

    Raises:
        ValueError: If a file is not a mapping or is its own base, if a key is unknown or missing, or if a value has
            the wrong type.
    """
    return build_settings(TrainingSettings, read_mapping(path))


def read_mapping(path: str | Path) -> dict:
    """Read what a YAML file and its bases say, unchecked.

    Args:
        path (`str` or `Path`):
            The file.

    Returns:
        `dict`: Names and values.

    Raises:
        ValueError: If a file is not a mapping or is its own base.
    """
    return _read_with_base(Path(path), seen=())


def _read_with_base(path: Path, seen: tuple[Path, ...]) -> dict:
    if path.resolve() in seen:
        raise ValueError(f"`base` must not lead back to its own file, got {path}. Remove it there.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(
            f"`{path}` must be YAML, got {' '.join(str(error).split())[:300]}. Repair the file."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"`{path}` must hold a mapping of settings, got {type(content).__name__}.")
    base = content.pop("base", None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise ValueError(f"`base` must be the name of a file, got {base!r} in {path}. Put it into quotes.")
    return _merge(_read_with_base(path.parent / base, (*seen, path.resolve())), content)


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that comes twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str) or keys.count(key) > 1:
                problem = "twice" if isinstance(key, str) else "as a key, which is no text"
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} {problem}", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _merge(under: dict, over: dict) -> dict:
    merged = dict(under)
    for name, value in over.items():
        both_sections = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merge(merged[name], value) if both_sections else value
    return merged


def write_settings(settings: TrainingSettings, path: str | Path) -> None:
    """Write resolved settings as YAML, readable by `read_settings`.

    Args:
        settings (`TrainingSettings`):
            The settings.
        path (`str` or `Path`):
            The file; its folder must exist.
    """
    unfinished = Path(f"{path}.partial")
    unfinished.write_text(yaml.safe_dump(dataclasses.asdict(settings), sort_keys=False), encoding="utf-8")
    unfinished.replace(path)


def build_settings(kind: type, content: dict, *, section: str = ""):
    """Fill a settings dataclass from a mapping, checking names and types.

    Args:
        kind (`type`):
            The dataclass.
        content (`dict`):
            Names and values; sections are mappings.
        section (`str`, defaults to `""`):
            Where in the file the mapping stands, with a final dot, for error messages.

    Returns:
        `kind`: The settings.

    Raises:
        ValueError: If a key is unknown or missing, or if a value has the wrong type.
    """
    fields = {item.name: item for item in dataclasses.fields(kind)}
    unknown = sorted(set(content) - set(fields))
    if unknown:
        raise ValueError(f"`{section}{unknown[0]}` is no setting. Known here: {', '.join(fields)}.")
    required = {name for name, item in fields.items() if _has_no_default(item)}
    missing = sorted(required - set(content))
    if missing:
        raise ValueError(f"`{section}{missing[0]}` is required and missing. Add it to the file.")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _read_value(hints[name], value, f"{section}{name}") for name, value in content.items()})


def _has_no_default(item: dataclasses.Field) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _read_value(hint: type, value: object, name: str) -> object:
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return build_settings(hint, value, section=f"{name}.")
    if hint in (float, float | None) and isinstance(value, str):  # YAML 1.1 reads 1e-3 as a string
        value = _read_float(value, name)
    if hint in (float, float | None) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint not in (bool, bool | None)):
        expected = hint.__name__ if isinstance(hint, type) else hint
        raise ValueError(f"`{name}` must be {expected}, got {value!r}. Change the file.")
    return value


def _read_float(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"`{name}` must be a number, got {text!r}. Change the file.") from None
