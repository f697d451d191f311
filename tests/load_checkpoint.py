# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a stranger does with a checkpoint, in a process of its own; the report is the last line of standard output.

    load_checkpoint.py CHECKPOINT ... --sample FILE --logits FILE [--blocked] [--resave FOLDER --ways W] [--push NAME]

Every checkpoint (folder or Hub name) is loaded through every Auto class and as a pipeline. `--blocked` makes the
package unimportable first, so this file imports nothing of it. `--resave` saves the last one again, in several ways.
"""

import argparse
import json
import sys
from pathlib import Path

import torch


TRUST = {"trust_remote_code": True}


def model_inputs_of(processor, sample):
    """Question and views as the pipeline puts them together, with the question's own tokens as labels to be."""
    views = {key: value for key, value in sample.items() if key not in ("text", "images", "regions")}
    encoded = processor.encode_views(sample["images"], regions=sample["regions"], **views)
    content = [{"type": "image"}, {"type": "text", "text": sample["text"]}]
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    return processor.batch_encoded([prompt], [encoded], return_tensors="pt")


@torch.no_grad()
def logits_of(model, processor, sample):
    return model(**model_inputs_of(processor, sample)).logits


@torch.no_grad()
def examine(checkpoint, sample, expected):
    """Load everything once and report classes, the largest logit difference, and the pipeline's answers."""
    from transformers import (
        AutoConfig,
        AutoImageProcessor,
        AutoModel,
        AutoModelForImageTextToText,
        AutoModelForMultimodalLM,
        AutoProcessor,
        AutoTokenizer,
        pipeline,
    )

    loaders = (AutoConfig, AutoModel, AutoModelForMultimodalLM, AutoImageProcessor, AutoTokenizer)
    loaded = {loader.__name__: loader.from_pretrained(checkpoint, **TRUST) for loader in loaders}
    model = AutoModelForImageTextToText.from_pretrained(checkpoint, **TRUST).eval()
    processor = AutoProcessor.from_pretrained(checkpoint, **TRUST)
    inputs = model_inputs_of(processor, sample)
    hidden = loaded["AutoModel"].eval()(**inputs).last_hidden_state
    vqa = pipeline("spatial-vqa", model=checkpoint, max_new_tokens=8, device="cpu", **TRUST)
    loaded |= {"AutoModelForImageTextToText": model, "AutoProcessor": processor, "pipeline": vqa}
    report = {
        "classes": {name: f"{type(thing).__module__}.{type(thing).__qualname__}" for name, thing in loaded.items()},
        "logits_equal": torch.equal(model(**inputs).logits, expected),
        "base_logits_equal": torch.equal(model.lm_head(hidden), expected),
        "chat_template": bool(processor.chat_template),
        "auto_map": sorted(model.config.auto_map),
        "answer": vqa(sample),
        "inferred_task": pipeline(model=checkpoint, device="cpu", **TRUST).task,
    }
    return report, model, processor, vqa


def save_by_hand(folder, sample, model, processor, vqa):
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def save_by_pipeline(folder, sample, model, processor, vqa):
    vqa.save_pretrained(folder)


def save_by_trainer(folder, sample, model, processor, vqa):
    """Train one step at learning rate zero; the checkpoint it leaves takes the place of `folder`."""
    from transformers import Trainer, TrainingArguments

    inputs = dict(model_inputs_of(processor, sample))
    inputs["labels"] = inputs["input_ids"].clone()
    arguments = TrainingArguments(
        output_dir=f"{folder}-runs",
        max_steps=1,
        save_steps=1,
        per_device_train_batch_size=1,
        learning_rate=0.0,
        remove_unused_columns=False,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=[{"row": 0}],
        data_collator=lambda rows: inputs,
        processing_class=processor,
    )
    trainer.train()
    Path(f"{folder}-runs", "checkpoint-1").rename(folder)


WAYS = {"by-hand": save_by_hand, "by-pipeline": save_by_pipeline, "by-trainer": save_by_trainer}


def push(folder, name):
    """Push what is in a folder to the Hub: model and processor to `name`, the pipeline to `name-pipeline`."""
    from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

    AutoModelForImageTextToText.from_pretrained(folder, **TRUST).push_to_hub(name)
    AutoProcessor.from_pretrained(folder, **TRUST).push_to_hub(name)
    pipeline("spatial-vqa", model=folder, device="cpu", **TRUST).push_to_hub(f"{name}-pipeline")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--sample", type=Path, required=True)
    parser.add_argument("--logits", type=Path, required=True)
    parser.add_argument("--resave", type=Path)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--push")
    parser.add_argument("--blocked", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.blocked:
        sys.modules["transformers_sr3d"] = None
    else:
        import transformers_sr3d  # noqa: F401 (registers its classes)

    sample = json.loads(args.sample.read_text(encoding="utf-8"))
    expected = torch.load(args.logits)
    reports, resaved = {}, []
    if args.push:
        push(args.checkpoints.pop(), args.push)
    for checkpoint in args.checkpoints:
        reports[checkpoint], *loaded = examine(checkpoint, sample, expected)
    for way in args.ways if args.resave else ():
        resaved.append(str(args.resave / way))
        WAYS[way](args.resave / way, sample, *loaded)
    sys.stdout.write(json.dumps({"reports": reports, "resaved": resaved}) + "\n")


if __name__ == "__main__":
    main()
