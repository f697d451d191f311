# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A few training steps in the processes of a launcher: CHECKPOINT RECORDS MODE -> losses as JSON from the first one.

MODE is `plain`, `checkpointing` (activations are computed again), `tp` or `fsdp` (native plans of Transformers).
"""

import json
import os
import sys

import torch
from transformers.distributed import DistributedConfig

from transformers_sr3d.finetuning.encoding import RecordDataset
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.records.format import read_records
from transformers_sr3d.training.collator import SR3DDataCollator


NUM_STEPS, BATCH_SIZE, LEARNING_RATE = 3, 4, 0.5


def load(checkpoint: str, mode: str) -> SR3DForConditionalGeneration:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    plans = {"tp": {"tp_size": world}, "fsdp": {"fsdp_size": world}}
    if mode not in plans:
        return SR3DForConditionalGeneration.from_pretrained(checkpoint)
    return SR3DForConditionalGeneration.from_pretrained(
        checkpoint, distributed_config=DistributedConfig(**plans[mode])
    )


def main() -> None:
    checkpoint, records, mode = sys.argv[1:]
    torch.manual_seed(0)
    model = load(checkpoint, mode).train()
    if mode == "checkpointing":
        model.gradient_checkpointing_enable()
    processor = SR3DProcessor.from_pretrained(checkpoint)
    dataset, collate = RecordDataset(read_records(records), processor), SR3DDataCollator(processor)
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=LEARNING_RATE)
    losses = []
    for step in range(NUM_STEPS):
        batch = collate([dataset[step * BATCH_SIZE + place] for place in range(BATCH_SIZE)])
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    if os.environ.get("RANK", "0") == "0":
        sys.stdout.write(json.dumps(losses) + "\n")


if __name__ == "__main__":
    main()
