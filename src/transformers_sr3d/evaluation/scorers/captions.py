# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""BLEU-1 to 4, ROUGE-L and CIDEr-D of texts against their references, for each text and for all of them.

They agree with `pycocoevalcap` to 1e-6 (tests/scorers). Words are what single spaces part; nothing else is done to a
text here, because the published protocols differ in just that.

May import: the standard library.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


MAX_N = 4
TINY, SMALL = 1e-15, 1e-9  # keep a BLEU of zero matches above zero, as the reference code does
ROUGE_BETA = 1.2
CIDER_SIGMA = 6.0
CIDER_SCALE = 10.0

Grams = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Scores:
    """Of one metric.

    Attributes:
        corpus (`float`): Of all texts; BLEU is no mean of the texts'.
        each (`list[float]`): Of every text.
    """

    corpus: float
    each: list[float]


def count_ngrams(words: Sequence[str]) -> list[Grams]:
    """Count the runs of 1 to 4 words.

    Args:
        words (`Sequence[str]`):
            A text.

    Returns:
        `list[Counter]`: One for each length.
    """
    return [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for n in range(1, MAX_N + 1)]


@dataclass(frozen=True)
class BleuCounts:
    """What BLEU is computed from; counts of several texts add up.

    Attributes:
        length (`int`): Words of the text.
        reference_length (`int`): Words of the reference that is closest in length, the shorter of two.
        guessed (`tuple[int, ...]`): Runs of 1 to 4 words.
        right (`tuple[int, ...]`): Those of them that a reference has, as often as the reference that has most.
    """

    length: int
    reference_length: int
    guessed: tuple[int, ...]
    right: tuple[int, ...]

    def __add__(self, other: "BleuCounts") -> "BleuCounts":
        return BleuCounts(
            self.length + other.length,
            self.reference_length + other.reference_length,
            tuple(a + b for a, b in zip(self.guessed, other.guessed, strict=True)),
            tuple(a + b for a, b in zip(self.right, other.right, strict=True)),
        )

    def scores(self) -> list[float]:
        """Compute BLEU-1 to 4.

        Returns:
            `list[float]`: From 0 to 1.
        """
        ratio = (self.length + TINY) / (self.reference_length + SMALL)
        brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
        precisions = [
            (right + TINY) / (guessed + SMALL) for right, guessed in zip(self.right, self.guessed, strict=True)
        ]
        return [math.prod(precisions[:n]) ** (1 / n) * brevity for n in range(1, MAX_N + 1)]


def count_bleu(text: str, references: Sequence[str]) -> BleuCounts:
    """Count what BLEU needs.

    Args:
        text (`str`):
            What was written.
        references (`Sequence[str]`):
            At least one.

    Returns:
        `BleuCounts`: Of this text.
    """
    words, others = text.split(), [reference.split() for reference in references]
    most = [Counter[tuple[str, ...]]() for _ in range(MAX_N)]
    for other in others:
        for n, grams in enumerate(count_ngrams(other)):
            most[n] |= grams
    closest = min((abs(len(other) - len(words)), len(other)) for other in others)[1]
    guessed = tuple(max(0, len(words) - n) for n in range(MAX_N))
    right = tuple((grams & most[n]).total() for n, grams in enumerate(count_ngrams(words)))
    return BleuCounts(len(words), closest, guessed, right)


def bleu(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[Scores]:
    """Compute BLEU-1 to 4.

    Args:
        texts (`Sequence[str]`):
            What was written, at least one.
        references (`Sequence[Sequence[str]]`):
            Of each text, at least one.

    Returns:
        `list[Scores]`: BLEU-1, 2, 3 and 4.

    Raises:
        ValueError: If there is no text, or not as many references, or a text has none.

    Source: Papineni et al., BLEU: a method for automatic evaluation of machine translation, 2002.
    """
    check_counts(texts, references)
    counts = [count_bleu(text, truths) for text, truths in zip(texts, references, strict=True)]
    corpus = sum(counts[1:], start=counts[0]).scores()
    each = [count.scores() for count in counts]
    return [Scores(corpus[n], [scores[n] for scores in each]) for n in range(MAX_N)]


def rouge_l(texts: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Compute ROUGE-L, with the best precision and the best recall of all references.

    Args:
        texts (`Sequence[str]`):
            What was written, at least one.
        references (`Sequence[Sequence[str]]`):
            Of each text, at least one.

    Returns:
        `Scores`: From 0 to 1.

    Raises:
        ValueError: As `bleu`.

    Source: Lin, ROUGE: a package for automatic evaluation of summaries, 2004; beta 1.2.
    """
    check_counts(texts, references)
    each = [_rouge_l(text, truths) for text, truths in zip(texts, references, strict=True)]
    return Scores(sum(each) / len(each), each)


def _rouge_l(text: str, references: Sequence[str]) -> float:
    words, precision, recall = text.split(" "), 0.0, 0.0
    for reference in references:
        others = reference.split(" ")
        common = _longest_common_subsequence(words, others)
        precision, recall = max(precision, common / len(words)), max(recall, common / len(others))
    if not (precision and recall):
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def _longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for place, other in enumerate(second, start=1):
            above = row[place]
            row[place] = diagonal + 1 if word == other else max(above, row[place - 1])
            diagonal = above
    return row[-1]


def cider(texts: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Compute CIDEr-D, with the document frequencies of these references.

    Args:
        texts (`Sequence[str]`):
            What was written, at least one.
        references (`Sequence[Sequence[str]]`):
            Of each text, at least one.

    Returns:
        `Scores`: From 0 to 10; 0 for a single text, since each of its words is in every document.

    Raises:
        ValueError: As `bleu`.

    Source: Vedantam et al., CIDEr: Consensus-based image description evaluation, 2015, with length penalty (sigma 6)
    and clipping; runs of 1 to 4 words.
    """
    check_counts(texts, references)
    counted = [[count_ngrams(reference.split()) for reference in truths] for truths in references]
    frequency: Grams = Counter()
    for truths in counted:
        frequency.update({gram for grams in truths for counter in grams for gram in counter})
    weights = {gram: math.log(len(texts)) - math.log(count) for gram, count in frequency.items()}
    unseen = math.log(len(texts))
    vectors = [_tf_idf(count_ngrams(text.split()), weights, unseen) for text in texts]
    each = [
        sum(_similarity(vector, _tf_idf(grams, weights, unseen)) for grams in truths) / len(truths) * CIDER_SCALE
        for vector, truths in zip(vectors, counted, strict=True)
    ]
    return Scores(sum(each) / len(each), each)


@dataclass(frozen=True)
class _Vector:
    weights: list[dict[tuple[str, ...], float]]
    norms: list[float]
    length: int


def _tf_idf(grams: list[Grams], weights: dict[tuple[str, ...], float], unseen: float) -> _Vector:
    parts = [{gram: count * weights.get(gram, unseen) for gram, count in counter.items()} for counter in grams]
    norms = [math.sqrt(sum(weight**2 for weight in part.values())) for part in parts]
    return _Vector(parts, norms, grams[1].total())  # the reference code takes the number of pairs for the length


def _similarity(vector: _Vector, reference: _Vector) -> float:
    total = 0.0
    for n in range(MAX_N):
        product = vector.norms[n] * reference.norms[n]
        if product == 0.0:
            continue
        others = reference.weights[n]
        shared = sum(
            min(weight, others.get(gram, 0.0)) * others.get(gram, 0.0) for gram, weight in vector.weights[n].items()
        )
        total += shared / product
    penalty = math.exp(-((vector.length - reference.length) ** 2) / (2 * CIDER_SIGMA**2))
    return total / MAX_N * penalty


def check_counts(texts: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Refuse texts and references that do not belong together.

    Args:
        texts (`Sequence[str]`):
            What was written.
        references (`Sequence[Sequence[str]]`):
            Of each text.

    Raises:
        ValueError: If there is no text, or not as many references, or a text has none.
    """
    if not texts or len(texts) != len(references) or not all(references):
        empty = sum(not truths for truths in references)
        raise ValueError(
            f"`texts` and `references` must be as many, at least one, each text with a reference, got {len(texts)} "
            f"texts, {len(references)} lists of references, {empty} of them empty. Pass one list for each text."
        )
