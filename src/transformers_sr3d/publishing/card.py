# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Publishing, the card: facts of a fine-tuning and figures -> README.md of the checkpoint.

May import: huggingface_hub and siblings.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import ModelCardData

from transformers_sr3d.publishing.files import card_facts


CARD = """---
{head}
---

# {title}

An SR-3D checkpoint (Cheng et al., [arXiv 2509.13317](https://arxiv.org/abs/2509.13317)) that was fine-tuned with
transformers-sr3d {version} on {data}, {steps} steps, from {base}.

```python
from transformers import pipeline

vqa = pipeline("spatial-vqa", model="{repo}", trust_remote_code=True)
answer = vqa(
    "How far apart are <region0> and <region1>?",
    images=["color.png"], depths=["depth_mm.png"], depth_unit="mm",
    intrinsics={{"fx": 561.4, "fy": 531.9, "cx": 317.8, "cy": 239.2}},
    regions=[{{"box_xyxy": [135, 154, 284, 203]}}, {{"box_xyxy": [322, 136, 381, 208]}}],
)
print(answer["generated_text"], answer["quantity"])
```

## Geometry

Intrinsics are pixels of the image as given, pixel centres are integers; poses are camera to world or world to camera
as the argument says, with OpenCV axes unless `camera_axes="opengl"`; several views need `world_up`; integer depth
needs `depth_unit`; floating-point depth is metres along the camera's axis.

## Figures

{figures}

## Licence

| part | licence |
|---|---|
| weights | `{licence}`, from {base} |
| tokenizer | that of {base} |
| `*_sr3d.py` | Apache-2.0 |
| records that it was fine-tuned on | not known here; they may ask for more |

Tested with Python {python}, torch {torch}, Transformers {transformers}.
"""
NO_FIGURES = (
    "None were measured. `sr3d eval records FILE --model DIR --json report.json` measures them on records with truth."
)


def write_finetuned_card(
    folder: Path,
    *,
    base: str | None,
    records: int | None,
    steps: int,
    licence: str | None = None,
    report: Mapping[str, Any] | None = None,
) -> Path:
    """Write the card of a fine-tuned checkpoint.

    Args:
        folder (`Path`):
            Of the checkpoint.
        base (`str`, *optional*):
            Checkpoint that it started from: a folder, whose card tells its licence, or a name on the Hub.
        records (`int`, *optional*):
            How many it was trained on.
        steps (`int`):
            Of training.
        licence (`str`, *optional*):
            Instead of the base's.
        report (`Mapping`, *optional*):
            Of `sr3d eval records`.

    Returns:
        `Path`: The `README.md`; without a licence in its head where none is known, and then it is not published.
    """
    import platform

    from transformers_sr3d import __version__

    licence = licence or (card_facts(Path(base)).get("license") if base and Path(base).is_dir() else None)
    name = "an unknown checkpoint" if not base else (Path(base).resolve().name if Path(base).exists() else base)
    data = ModelCardData(
        license=licence,
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        tags=["sr3d", "spatial-vqa", "3d", "region-prompted"],
        widget=[{"text": "How far apart are <region0> and <region1>?"}],
        base_model=base if base and not Path(base).exists() and base.count("/") == 1 else None,
    )
    text = CARD.format(
        head=data.to_yaml(),
        title=folder.resolve().name,
        repo=folder.resolve().name,
        version=__version__,
        data="own records" if records is None else f"{records} own records",
        steps=steps,
        base=name,
        figures=NO_FIGURES if report is None else figures_of(report),
        licence=licence or "unknown",
        python=platform.python_version(),
        torch=torch.__version__.split("+")[0],
        transformers=transformers.__version__,
    )
    path = folder / "README.md"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path


def card_to_push(folder: Path, repo_id: str, report: Mapping[str, Any] | None = None) -> bytes:
    """Give the card as it is published: with the name that others load, and with figures.

    Args:
        folder (`Path`):
            Of the checkpoint.
        repo_id (`str`):
            `"owner/name"`, instead of the name of the folder in the example.
        report (`Mapping`, *optional*):
            Of `sr3d eval records`.

    Returns:
        `bytes`: The text of `README.md`.

    Raises:
        ValueError: If there is a report, and no place for it: a card of one's own, or one with figures.
    """
    text = (folder / "README.md").read_text(encoding="utf-8")
    text = text.replace(f'model="{folder.resolve().name}"', f'model="{repo_id}"')
    if report is not None:
        figures = figures_of(report)
        if NO_FIGURES not in text:
            raise ValueError(
                "`--report` must go with a card that fine-tuning wrote and that has no figures yet, got another "
                "README.md. Leave it out, and write the figures there."
            )
        text = text.replace(NO_FIGURES, figures)
    return text.encode()


def figures_of(report: Mapping[str, Any]) -> str:
    """Write the figures of a report as a table, with the command that measured them.

    Args:
        report (`Mapping`):
            What `sr3d eval records --json` wrote.

    Returns:
        `str`: Markdown.

    Raises:
        ValueError: If it is no such report.
    """
    if report.get("manifest", {}).get("benchmark") != "records" or not report.get("rows"):
        raise ValueError("`--report` must be a report of sr3d eval records, got another file. Write it with --json.")
    manifest = report["manifest"]
    files = " ".join(Path(name).name for name in manifest["files"])
    lines = [
        f"`sr3d eval records {files}`: {manifest['records']} records, {manifest['date'][:10]}, commit "
        f"{(manifest['commit'] or 'unknown')[:10]}, greedy decoding.",
        "",
        "| category | right | of | % | 95 % interval |",
        "|---|---:|---:|---:|---|",
    ]
    for row in report["rows"]:
        low, high = row["interval"]
        lines.append(
            f"| {row['category']} | {row['right']} | {row['total']} | {row['percent']:.1f} | {low:.1f} to {high:.1f} |"
        )
    return "\n".join(lines)
