# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""BLEU, ROUGE-L and CIDEr against pycocoevalcap on generated texts, known answers, and METEOR's Java."""

import contextlib
import io
import os

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from transformers_sr3d.evaluation.benchmarks.captioning import caption_rows
from transformers_sr3d.evaluation.scorers import java_captions
from transformers_sr3d.evaluation.scorers.captions import bleu, cider, rouge_l


WORDS = [
    "sos",
    "the",
    "a",
    "brown",
    "chair",
    "table",
    "next",
    "to",
    "left",
    "of",
    "right",
    "is",
    ",",
    ".",
    "wooden",
    "tall",
    "two",
    "lamp",
    "under",
    "window",
    "bed",
    "eos",
]
NUM_PAIRS = 1500


@pytest.fixture(scope="module")
def pairs():
    """Texts that share words, runs and lengths with their references in all degrees; also empty and single ones."""
    rng = np.random.default_rng(0)

    def write(length):
        return " ".join(rng.choice(WORDS, length))

    texts, references = [], []
    for _ in range(NUM_PAIRS):
        truths = [write(int(rng.integers(1, 25))) for _ in range(int(rng.integers(1, 6)))]
        copied = truths[0].split()
        kept = [word if rng.uniform() < 0.7 else str(rng.choice(WORDS)) for word in copied[: int(rng.integers(1, 25))]]
        texts.append(" ".join(kept) if rng.uniform() < 0.9 else write(int(rng.integers(0, 25))))
        references.append(truths)
    return texts, references


def reference_scores(scorer, pairs):
    with contextlib.redirect_stdout(io.StringIO()):
        return scorer.compute_score(dict(enumerate(pairs[1])), {i: [text] for i, text in enumerate(pairs[0])})


def test_bleu_agrees_with_the_reference(pairs):
    corpus, each = reference_scores(Bleu(4), pairs)
    ours = bleu(*pairs)
    assert [scores.corpus for scores in ours] == pytest.approx(corpus, abs=1e-6)
    for scores, expected in zip(ours, each, strict=True):
        assert scores.each == pytest.approx(expected, abs=1e-6)


def test_rouge_l_agrees_with_the_reference(pairs):
    corpus, each = reference_scores(Rouge(), pairs)
    ours = rouge_l(*pairs)
    assert ours.corpus == pytest.approx(corpus, abs=1e-6)
    assert ours.each == pytest.approx(list(each), abs=1e-6)


def test_cider_agrees_with_the_reference(pairs):
    corpus, each = reference_scores(Cider(), pairs)
    ours = cider(*pairs)
    assert ours.corpus == pytest.approx(corpus, abs=1e-6)
    assert ours.each == pytest.approx(list(each), abs=1e-6)
    assert 0.5 < corpus < 9.0  # the pairs exercise it


def test_known_answers():
    one, two, *_ = bleu(["a b c"], [["a b d", "c a b"]])
    assert one.corpus == pytest.approx(1.0, abs=1e-6)
    assert two.corpus == pytest.approx(np.sqrt(1.0 * 0.5), abs=1e-6)
    assert rouge_l(["a b c"], [["a x c"]]).corpus == pytest.approx(2 / 3)
    assert cider(["a b c d", "x y z w"], [["a b c d"], ["x y z w"]]).corpus == pytest.approx(10.0)
    assert cider(["a b c d"], [["a b c d"]]).corpus == 0.0


@pytest.mark.parametrize(("texts", "references"), [([], []), (["a"], []), (["a", "b"], [["a"], []])])
@pytest.mark.parametrize("metric", [bleu, rouge_l, cider, java_captions.meteor])
def test_counts_that_do_not_fit_are_refused(metric, texts, references):
    with pytest.raises(ValueError, match="must be as many"):
        metric(texts, references)


needs_java = pytest.mark.skipif(java_captions.missing_java() is not None, reason=str(java_captions.missing_java()))


@needs_java
def test_meteor_and_the_tokeniser_run_their_java():
    texts = ["a brown chair next to the table", "", "the ||| lamp\nis tall"]
    references = [["a brown chair beside the table", "a chair"], ["a bed"], ["the lamp is tall"]]
    scores = java_captions.meteor(texts, references)
    assert scores.each[0] > 0.3
    assert scores.each[1] == 0.0
    assert scores.each[2] > scores.each[0]
    assert java_captions.ptb_tokenise(["It's a TV, isn't it?", "", "Two\nlines."]) == [
        "it 's a tv is n't it",
        "",
        "two lines",
    ]
    assert java_captions.ptb_tokenise([]) == []


def test_without_java_nothing_else_is_computed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "java" in java_captions.missing_java()
    with pytest.raises(java_captions.NotComputedError, match="no `java` on the path"):
        java_captions.meteor(["a"], [["a"]])
    with pytest.raises(java_captions.NotComputedError, match="no `java` on the path"):
        java_captions.ptb_tokenise(["a"])


def test_java_that_does_not_run_gives_no_figure_and_no_crash(tmp_path, monkeypatch):
    pytest.importorskip("pycocoevalcap")
    (tmp_path / "java").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(java_captions.NotComputedError, match="Java gave no METEOR"):
        java_captions.meteor(["a"], [["a"]])
    with pytest.raises(java_captions.NotComputedError, match="Java gave no words"):
        java_captions.ptb_tokenise(["a", "b"])
    rows = {row.metric: row for row in caption_rows(["a b"], [["a b"]])}
    assert rows["METEOR"].value is None
    assert "java -version" in rows["METEOR"].note
    assert rows["ROUGE-L"].value == pytest.approx(100.0)
