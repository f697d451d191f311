# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Published figures that our own may stand beside, each with where it was published, and under which protocol.

Source of every figure: Cheng et al., 3D aware region prompted vision language model (SR-3D), arXiv 2509.13317v1, in
the table or section that stands beside it where it was noted. Figures of others are those that this paper gives.

May import: the standard library.
"""

from typing import NamedTuple


SR3D, BASE = "SR-3D", "its base before stage 1"
UNNAMED = "table not noted"
FRAMES = 32  # of a scene, section 3.1


class Published(NamedTuple):
    """A row of a published table.

    Attributes:
        model (`str`): Whose figures.
        where (`str`): Table or section of the paper.
        figures (`dict[tuple[str, str], float]`): By metric and group, as our tables call them.
    """

    model: str
    where: str
    figures: dict[tuple[str, str], float]


class PaperTable(NamedTuple):
    """A published table of one task.

    Attributes:
        task (`str`): As `sr3d eval` calls it.
        protocol (`dict[str, str]`): Switches with which our figures mean the same.
        geometry (`tuple[str, ...]`): Where depth and poses of the published rows come from.
        rows (`tuple[Published, ...]`): Published rows.
        caveat (`str`): What is not known of the protocol.
        questions (`int`, *optional*): How many there are, where the counts behind the figures are known.
    """

    task: str
    protocol: dict[str, str]
    geometry: tuple[str, ...]
    rows: tuple[Published, ...]
    caveat: str
    questions: int | None = None


def _ablation(key: tuple[str, str], neither: float, stage_1: float, encoding: float) -> tuple[Published, ...]:
    """Rows of Table 8, whose last row is the whole model."""
    named = (("neither stage 1 nor 3D encoding", neither), ("stage 1 only", stage_1), ("3D encoding only", encoding))
    return tuple(Published(f"{SR3D}, {name}", "Table 8", {key: figure}) for name, figure in named)


def _of(metric: str, **values: float) -> dict[tuple[str, str], float]:
    return {(metric, group): value for group, value in values.items()}


def _all(**values: float) -> dict[tuple[str, str], float]:
    return {(metric.replace("_", "-"), "all"): value for metric, value in values.items()}


PAPER_TABLES = (
    PaperTable(
        "scanqa",
        {"rules": "video-3d-llm", "split": "val"},
        ("official",),
        (
            Published(
                SR3D,
                "Table 4",
                _all(CIDEr=109.3, BLEU_1=50.9, BLEU_4=18.1, METEOR=21.2, ROUGE_L=51.2, EM=30.4),
            ),
            *_ablation(("CIDEr", "all"), 101.3, 108.2, 102.9),
            Published("Video-3D-LLM", UNNAMED, _all(CIDEr=102.1, EM=30.1)),
        ),
        "The paper does not say which scorer it ran; its baselines' figures come from Video-3D-LLM (appendix A). Its "
        "Table 11 gives METEOR 21.1.",
    ),
    PaperTable(
        "scanqa",
        {"rules": "video-3d-llm", "split": "val"},
        ("estimator",),
        (
            Published(f"{SR3D}, point maps of CUT3R", UNNAMED, _all(CIDEr=109.3, EM=30.2)),
            Published("Video-3D-LLM, point maps of CUT3R", UNNAMED, _all(CIDEr=100.7)),
        ),
        "CUT3R is not among our estimators; another one is another protocol in all but name.",
    ),
    PaperTable(
        "sqa3d",
        {"split": "test"},
        ("official",),
        (
            Published(
                SR3D,
                "Table 4",
                _all(EM=62.2)
                | {
                    ("EM", "what"): 55.0,
                    ("EM", "is"): 76.4,
                    ("EM", "how"): 59.8,
                    ("EM", "can"): 71.6,
                    ("EM", "which"): 54.7,
                    ("EM", "others"): 61.1,
                },
            ),
            *_ablation(("EM", "all"), 58.6, 59.5, 59.1),
        ),
        "The paper does not say which scorer it ran.",
    ),
    PaperTable(
        "scan2cap",
        {"boxes": "proposals", "iou": "0.5", "punctuation": "kept", "split": "val"},
        ("official",),
        (
            Published(
                SR3D,
                "Table 4",
                {
                    ("CIDEr", "IoU 0.5"): 97.9,
                    ("BLEU-4", "IoU 0.5"): 44.7,
                    ("METEOR", "IoU 0.5"): 31.5,
                    ("ROUGE-L", "IoU 0.5"): 67.3,
                },
            ),
            *_ablation(("CIDEr", "IoU 0.5"), 92.9, 94.3, 92.7),
        ),
        "Its proposals come from 2D segmentation models that are not named; other proposals give other figures.",
    ),
    PaperTable(
        "vsi-bench",
        {"types": "sr3d", "answers": "first-word"},
        ("official",),
        (
            Published(
                SR3D,
                "average: Table 8",
                {
                    ("MRA", "object_abs_distance"): 52.8,
                    ("MRA", "object_size_estimation"): 75.5,
                    ("MRA", "room_size_estimation"): 41.9,
                    ("accuracy", "object_rel_distance"): 57.3,
                    ("accuracy", "object_rel_direction"): 82.3,
                    ("average", "5 tasks"): 62.0,
                },
            ),
            *_ablation(("average", "5 tasks"), 51.1, 52.9, 51.2),
        ),
        "Five of the eight tasks. How depth and poses of the scans were obtained is not stated.",
    ),
    PaperTable(
        "blink-depth",
        {"regions": "file"},
        ("none", "estimator"),
        (
            Published(SR3D, UNNAMED, {("accuracy", "regions"): 90.3}),
            Published("SpatialRGPT", UNNAMED, {("accuracy", "regions"): 87.9}),
        ),
        "Boxes around the points are not published; they were drawn by hand or by other code.",
        questions=124,
    ),
    PaperTable(
        "blink-spatial",
        {},
        ("none", "estimator"),
        (Published(SR3D, "Table 1", _all(accuracy=83.9)), Published(BASE, "Table 1", _all(accuracy=79.7))),
        "The paper calls it BLINK_S; its counts are those of Spatial_Relation.",
        questions=143,
    ),
    PaperTable(
        "coco-regions",
        {"prompt": "box", "crop": "reference"},
        ("none", "estimator"),
        (
            Published(SR3D, UNNAMED, _all(mAP=78.0, accuracy=88.6)),
            Published("SpatialRGPT-8B", UNNAMED, _all(mAP=72.9, accuracy=82.9)),
            Published("RegionGPT-7B", UNNAMED, _all(mAP=70.0, accuracy=80.6)),
        ),
        "The paper says boxes, the code that it grew from takes masks, and draws one of 15 questions at random.",
    ),
    PaperTable(
        "realworldqa",
        {},
        ("none", "estimator"),
        (Published(SR3D, UNNAMED, _all(accuracy=68.1)), Published(BASE, UNNAMED, _all(accuracy=65.6))),
        "",
    ),
    PaperTable(
        "embspatial",
        {},
        ("none", "estimator"),
        (Published(SR3D, UNNAMED, _all(accuracy=72.5)), Published(BASE, UNNAMED, _all(accuracy=68.9))),
        "",
    ),
    PaperTable(
        "sat",
        {"split": "test"},
        ("none", "estimator"),
        (Published(SR3D, UNNAMED, _all(accuracy=64.0)), Published(BASE, UNNAMED, _all(accuracy=62.6))),
        "Which split, and whether options are shuffled, is not stated.",
    ),
)
# Stands alone: templates, threshold and judge are unpublished, so nothing of ours may stand beside it.
SR3D_BENCH_PUBLISHED = (
    Published(
        SR3D,
        "section 4.3; all: Table 8",
        _of("success", wide_thin=76.3, tall_short=83.1, big_small=81.8, multi_simple=80.3, multi_complex=76.0)
        | _of("success", width=87.7, height=87.3, distance=74.8)
        | _of("success, average of categories", qualitative=79.5, quantitative=83.3, all=80.9),
    ),
    *_ablation(("success, average of categories", "all"), 74.0, 78.1, 75.3),
)
