# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Preprocessing of one photo, beside the image processor of Transformers' InternVL (its Pillow path).

    python benchmarks/bench_preprocess.py [--repetitions 25] [--threads 1] [--shapes 448|56]

Both cut a 640 x 480 photo into 12 tiles and a thumbnail of 448 pixels and normalise them; before anything is timed
their results are compared. Ours is also timed with a point map and eight masks, and as a whole processor call from
photo, depth map, intrinsics and marked regions to model inputs, text included. InternVL's whole processor needs
torchvision for its video part; its image processor followed by the tokenizer, on as many tokens, stands for it.
"""

import sys
from collections.abc import Callable

import numpy as np
import torch
from common import (
    NUM_REGIONS,
    Comparison,
    common_arguments,
    make_report,
    make_tokenizer,
    measure,
    publish,
    questions,
    read_photo,
    stopwatch,
    use_threads,
)
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.geometry_sr3d import canonical_frame, to_canonical
from transformers_sr3d.image_processing_sr3d import SR3DImageProcessor
from transformers_sr3d.processing_sr3d import SR3DProcessor


PATCH_SIZE = 14
MAX_TILES = 12
DOWNSAMPLE = 2  # patches per side of an image token, as InternVL's
MAX_GREY_DIFFERENCE = 3.0
PEER = "InternVL image processor, RGB"
PEER_WITH_TEXT = "InternVL image processor and tokenizer, RGB"
COMPARISONS = [
    Comparison("RGB only, image processor / InternVL's", "seconds", "SR-3D image processor, RGB", PEER, 0.5),
    Comparison("RGB only, whole call / InternVL's", "seconds", "SR-3D whole call, RGB", PEER_WITH_TEXT, None),
    Comparison(
        "point map and eight masks, image processor / InternVL's RGB only",
        "seconds",
        "SR-3D image processor, points and masks",
        PEER,
        1.0,
    ),
    Comparison(
        "depth, intrinsics and eight masks, whole call / InternVL's RGB only",
        "seconds",
        "SR-3D whole call, depth and regions",
        PEER_WITH_TEXT,
        1.0,
    ),
    Comparison(
        "depth, intrinsics and eight masks, whole call / InternVL's image processor alone",
        "seconds",
        "SR-3D whole call, depth and regions",
        PEER,
        None,
    ),
]


def make_peer(tile_size: int) -> GotOcr2ImageProcessorPil:
    """Make InternVL's image processor with our tile size, number of tiles and normalisation."""
    return GotOcr2ImageProcessorPil(
        size={"height": tile_size, "width": tile_size},
        crop_to_patches=True,
        max_patches=MAX_TILES,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )


def call_peer_with_text(peer: GotOcr2ImageProcessorPil, tokenizer: Callable, image: object, text: str) -> dict:
    """Do what InternVL's processor does: cut the image, write its tokens into the text, tokenise."""
    pixels = peer(image, return_tensors="pt")
    tokens_per_tile = (pixels["pixel_values"].shape[-1] // PATCH_SIZE // DOWNSAMPLE) ** 2
    expanded = text.replace("<image>", "<image>" * tokens_per_tile * int(pixels["num_patches"].sum()))
    return {**tokenizer(expanded, return_tensors="pt"), **pixels}


def canonical_points(photo: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Unproject the photo's depth map: points `(H, W, 3)` in the canonical frame, and their validity."""
    geometry = {name: photo[name] for name in ("depth_unit", "intrinsics")}
    views = prepare_views([photo["images"]], depths=[photo["depths"]], **geometry)
    frame = canonical_frame(views["points"], views["valid"])
    return to_canonical(views["points"][0], views["valid"][0], *frame), views["valid"][0]


def make_arms(tile_size: int) -> dict[str, Callable[[], object]]:
    """Make the functions to be timed; each returns its `BatchFeature`."""
    photo, text = read_photo(), questions()
    peer = make_peer(tile_size)
    image_processor = SR3DImageProcessor(
        size={"height": tile_size, "width": tile_size}, patch_size=PATCH_SIZE, max_tiles=MAX_TILES
    )
    tokenizer = make_tokenizer()
    processor = SR3DProcessor(image_processor, tokenizer, downsample=DOWNSAMPLE)
    points, valid = canonical_points(photo)
    masks = torch.from_numpy(np.stack([region["mask"] for region in photo["regions"]]))
    maps = {"point_maps": [points], "point_valid": [valid], "region_masks": [masks]}
    image = photo["images"]
    return {
        PEER: lambda: peer(image, return_tensors="pt"),
        PEER_WITH_TEXT: lambda: call_peer_with_text(peer, tokenizer, image, text["words"]),
        "SR-3D image processor, RGB": lambda: image_processor(image, return_tensors="pt"),
        "SR-3D image processor, points and masks": lambda: image_processor(image, **maps, return_tensors="pt"),
        "SR-3D whole call, RGB": lambda: processor(text=text["words"], images=image, return_tensors="pt"),
        "SR-3D whole call, depth and regions": lambda: processor(text=text["regions"], **photo, return_tensors="pt"),
    }


def check_equal_work(arms: dict[str, Callable[[], object]]) -> dict:
    """Compare the pixels of all arms before they are timed.

    Returns:
        `dict`: Shape of the pixels and largest difference to InternVL's, in grey levels.

    Raises:
        ValueError: If shapes differ, or pixels by more than 3 grey levels.
    """
    expected = arms[PEER]()["pixel_values"]
    largest = 0.0
    for name, run in arms.items():
        pixels = run()["pixel_values"]
        if pixels.shape != expected.shape:
            raise ValueError(
                f"`{name}` must return pixels of shape {tuple(expected.shape)}, got {tuple(pixels.shape)}. A ratio "
                "between unequal work means nothing: give both arms the same tile size and number of tiles."
            )
        largest = max(largest, float((pixels - expected).abs().max()) * 127.5)
    if largest > MAX_GREY_DIFFERENCE:
        raise ValueError(
            f"The pixels must agree within {MAX_GREY_DIFFERENCE} grey levels, got {largest:.1f}. Look for another "
            "filter, order of tiles or normalisation."
        )
    return {"pixel_values": str(tuple(expected.shape)), "largest_difference_grey_levels": round(largest, 2)}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark.

    Args:
        arguments (`list[str]`, *optional*):
            Command line; defaults to that of the process.

    Returns:
        `int`: Exit status 0. A missed target is published, not raised.
    """
    parser = common_arguments(__doc__.splitlines()[0], repetitions=25, warmup=3, threads=1)
    parser.add_argument("--shapes", choices=("448", "56"), default="448", help="side of a tile in pixels")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    arms = make_arms(int(options.shapes))
    settings = {"shapes": options.shapes, "repetitions": options.repetitions, "warmup": options.warmup}
    settings |= {"photo": "640x480", "regions": NUM_REGIONS, **check_equal_work(arms)}
    timed = {name: stopwatch(run) for name, run in arms.items()}
    samples = measure(timed, repetitions=options.repetitions, warmup=options.warmup)
    publish(make_report("preprocess", settings, samples, COMPARISONS, "cpu"), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
