# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Facts of a conversion -> README.md of the checkpoint, with the licence of what it was made from.

May import: huggingface_hub and the licences of checkpoints.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from huggingface_hub import ModelCardData

from transformers_sr3d.estimators.licences import Licence


# Licences that the Hub has a word for and that occur here; any other is written as "other" with its name.
HUB_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0",
                "gemma", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "openrail", "unknown")  # fmt: skip
CARD = """---
{head}
---

# {title}

{origin}

It is an SR-3D checkpoint (Cheng et al., [arXiv 2509.13317](https://arxiv.org/abs/2509.13317)) that has **not
been trained as one**: {untrained}

## Parts

{parts}

## Licence

{licence}

## Use

```python
from transformers import pipeline

vqa = pipeline("spatial-vqa", model="PATH", trust_remote_code=True)
```

Written by transformers-sr3d {version}.
"""


def write_card(
    *, title: str, origin: str, untrained: str, parts: Sequence[str], licence: str | None, sentences: Sequence[str]
) -> str:
    """Write a model card.

    Args:
        title (`str`):
            Heading.
        origin (`str`):
            What it was made from, and how.
        untrained (`str`):
            Which parts hold new weights.
        parts (`Sequence[str]`):
            One line per part.
        licence (`str`, *optional*):
            Of the whole, for the head of the card; None where it is not known.
        sentences (`Sequence[str]`):
            What the licence of each part rests on.

    Returns:
        `str`: Markdown.
    """
    from transformers_sr3d import __version__

    name = (licence or "unknown").lower()
    known = name in HUB_LICENCES
    data = ModelCardData(
        license=name if known else "other",
        license_name=None if known else name,
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        tags=["sr3d", "spatial-vqa", "3d", "region-prompted"],
    )
    return CARD.format(
        head=data.to_yaml(),
        title=title,
        origin=origin,
        untrained=untrained,
        parts="\n".join(f"- {part}" for part in parts),
        licence="\n".join(f"- {sentence}" for sentence in sentences),
        version=__version__,
    )


def joint_licence(licences: Iterable[Licence]) -> str | None:
    """Find what holds for a checkpoint that is made of several.

    Args:
        licences (`Iterable[Licence]`):
            Of its parts.

    Returns:
        `str`, *optional*: One that excludes commercial use, else all of them; None if one is not known.
    """
    found = list(licences)
    if any(licence.name is None for licence in found):
        return None
    restricted = [licence.name for licence in found if licence.is_restricted]
    return " and ".join(sorted({str(name) for name in restricted or (licence.name for licence in found)}))


def without_folders(text: str, names: Iterable[str]) -> str:
    """Shorten paths of this machine to their last part, because a model card is read elsewhere.

    Args:
        text (`str`):
            That mentions them.
        names (`Iterable[str]`):
            Paths, or names on the Hub, which stay.

    Returns:
        `str`: The text.
    """
    for name in names:
        if Path(name).exists():
            text = text.replace(name, Path(name).resolve().name)
    return text
