# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Figures of captions, shared by ScanQA and Scan2Cap: CIDEr, BLEU, METEOR and ROUGE-L with intervals.

May import: NumPy and siblings.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from transformers_sr3d.evaluation.benchmarks.figures import (
    ALL,
    Figure,
    mean,
    not_computed,
    resampled,
)
from transformers_sr3d.evaluation.scorers.captions import MAX_N, BleuCounts, cider, count_bleu, rouge_l
from transformers_sr3d.evaluation.scorers.java_captions import NotComputedError, meteor


def caption_rows(texts: Sequence[str], references: Sequence[Sequence[str]], group: str = ALL) -> list[Figure]:
    """Score captions by all four metrics.

    Args:
        texts (`Sequence[str]`):
            What was written, as words with single spaces.
        references (`Sequence[Sequence[str]]`):
            Of each text.
        group (`str`, defaults to `"all"`):
            What they are called.

    Returns:
        `list[Figure]`: All times 100. Intervals are those of a mean over texts, with the document frequencies of
        CIDEr as they are; of BLEU, which is no mean, percentiles of resamplings.
    """
    bleu_counts = np.array([_flat(count_bleu(text, truths)) for text, truths in zip(texts, references, strict=True)])
    rows = [mean("CIDEr", group, cider(texts, references).each, largest=None)]
    rows += [resampled(f"BLEU-{n}", group, bleu_counts, partial(_bleu, n)) for n in range(1, MAX_N + 1)]
    try:
        metric = meteor(texts, references)
    except NotComputedError as error:
        rows.append(not_computed("METEOR", group, len(texts), str(error)))
    else:
        # The Java program's figure of all texts is no mean of theirs, whose interval it takes over.
        each, value = mean("METEOR", group, metric.each), 100.0 * metric.corpus
        low, high = (value + (end or 0.0) - (each.value or 0.0) for end in (each.low, each.high))
        rows.append(each._replace(value=value, low=max(0.0, low), high=min(100.0, high)))
    rows.append(mean("ROUGE-L", group, rouge_l(texts, references).each))
    return rows


def _flat(counts: BleuCounts) -> list[int]:
    return [counts.length, counts.reference_length, *counts.guessed, *counts.right]


def _bleu(n: int, total: np.ndarray) -> float:
    numbers = [int(number) for number in total]
    counts = BleuCounts(numbers[0], numbers[1], tuple(numbers[2 : 2 + MAX_N]), tuple(numbers[2 + MAX_N :]))
    return counts.scores()[n - 1]
