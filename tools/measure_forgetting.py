# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What does spatial training cost? Perplexity of plain text and of answers about plain pictures, for each checkpoint.

    python tools/measure_forgetting.py start runs/tuned --text docs/*.md --scenes rooms/held_out --questions 100

Text is read in windows of 512 tokens, each of which is predicted but for its first token. Questions are those of `sr3d
data make` that need no region (how many, is there), about scenes of one view, of which the model gets the picture and
nothing else.
"""

import argparse
import json
import math
import random
import sys
from pathlib import Path

import torch

from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.evaluation.own_records import answer_records, is_record_right
from transformers_sr3d.finetuning.encoding import RecordDataset
from transformers_sr3d.records.format import Record, read_records, write_records
from transformers_sr3d.records.making.run import MakeSettings, make_records
from transformers_sr3d.training.collator import SR3DDataCollator


WINDOW = 512
CATEGORIES = ("counting", "existence")


def picture_questions(scenes: Path, count: int) -> list[Record]:
    """Make questions about pictures alone.

    Args:
        scenes (`Path`):
            Folder of annotated scenes; those of one view are used.
        count (`int`):
            Most questions.

    Returns:
        `list[Record]`: Each with one picture, without depth, camera and regions.

    Raises:
        ValueError: If no scene has one view.
    """
    out = scenes / "picture_questions.jsonl"
    if not out.exists():
        folders = [path.parent for path in sorted(scenes.glob("*/scene.json"))]
        photos = [folder for folder in folders if len(json.loads((folder / "scene.json").read_text())["views"]) == 1]
        if not photos:
            raise ValueError(f"`--scenes` must have scenes of one view, got none in {scenes}. Render some.")
        drafts = scenes / "picture_drafts.jsonl"
        drafts.unlink(missing_ok=True)
        make_records(photos, drafts, MakeSettings(questions=8, all_annotated=True, categories=CATEGORIES))
        write_records(out, [_picture_only(json.loads(line), scenes) for line in drafts.read_text().splitlines()])
    records = read_records(out)
    return random.Random(0).sample(records, min(count, len(records)))


def _picture_only(record: dict, scenes: Path) -> dict:
    view = json.loads((scenes / record["scene"] / "scene.json").read_text())["views"][0]
    kept = {key: record[key] for key in ("id", "messages", "category", "truth")}
    return {**kept, "images": [f"{record['scene']}/{view['image']}"]}


@torch.no_grad()
def text_perplexity(network: torch.nn.Module, tokenizer, texts: list[str]) -> tuple[float, int]:
    """Measure how well plain text is predicted.

    Args:
        network (`SR3DForConditionalGeneration`):
            The model.
        tokenizer (`PreTrainedTokenizerBase`):
            Of the model.
        texts (`list[str]`):
            Read one after the other.

    Returns:
        `tuple[float, int]`: Perplexity per token, and the tokens predicted.
    """
    ids = tokenizer("\n".join(texts), split_special_tokens=True, return_tensors="pt")["input_ids"][0]
    windows = ids[: len(ids) // WINDOW * WINDOW].reshape(-1, WINDOW)
    losses = [network(input_ids=window[None], labels=window[None]).loss.item() for window in windows]
    return math.exp(sum(losses) / len(losses)), windows.numel() - len(windows)


@torch.no_grad()
def answer_perplexity(network: torch.nn.Module, processor, records: list[Record]) -> float:
    """Measure how well the answers of records are predicted, per token of an answer."""
    dataset, collate = RecordDataset(records, processor), SR3DDataCollator(processor)
    total, count = 0.0, 0
    for place in range(len(dataset)):
        batch = collate([dataset[place]])
        tokens = int((batch["labels"][:, 1:] != -100).sum())
        total += network(**batch).loss.item() * tokens
        count += tokens
    return math.exp(total / count)


def main(arguments: list[str] | None = None) -> int:
    """Print a row for each checkpoint.

    Args:
        arguments (`list[str]`, *optional*):
            Command line; defaults to that of the process.

    Returns:
        `int`: Exit status 0.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--text", nargs="+", type=Path, required=True, help="files of plain text")
    parser.add_argument("--scenes", type=Path, required=True, help="folder of annotated scenes")
    parser.add_argument("--questions", type=int, default=100, help="about pictures (default: 100)")
    options = parser.parse_args(arguments)
    texts = [path.read_text() for path in options.text]
    records = picture_questions(options.scenes, options.questions)
    print("| checkpoint | perplexity of text | tokens | perplexity of answers about pictures | right | of |")
    print("|---|---|---|---|---|---|")
    for model in options.models:
        network, processor = open_checkpoint(model)
        perplexity, tokens = text_perplexity(network, processor.tokenizer, texts)
        answered = [answer_records(network, processor, [record])[0] for record in records]
        right = sum(is_record_right(record.truth, answer) for record, answer in zip(records, answered, strict=True))
        answers = answer_perplexity(network, processor, records)
        print(f"| {model} | {perplexity:.2f} | {tokens} | {answers:.2f} | {right} | {len(records)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
