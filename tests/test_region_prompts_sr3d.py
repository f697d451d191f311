# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, regions: every kind of mark against a mask counted by hand, COCO codes against COCO, and every refusal."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.region_prompts_sr3d import decode_rle, read_regions, region_points


HEIGHT, WIDTH = 60, 80
K = {"fx": 80.0, "fy": 80.0, "cx": 39.5, "cy": 29.5}
IMAGE = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
EYE = np.eye(4)
# A wall at 4 m; in front of it, at 2 m, a plate that covers rows 20..39 and columns 30..49.
PLATE = np.zeros((HEIGHT, WIDTH), dtype=bool)
PLATE[20:40, 30:50] = True
DEPTH = np.where(PLATE, 2.0, 4.0).astype(np.float32)
# The plate in the OpenCV camera frame: 20 pixels times 2 m / 80 px = 0.5 m wide and high.
BOX = {"center": [0.0, 0.0, 2.0], "size": [0.52, 0.52, 0.1], "rotation": np.eye(3)}


@pytest.fixture(scope="module")
def flat():
    """One picture without depth."""
    return prepare_views(IMAGE)


@pytest.fixture(scope="module")
def scene():
    return prepare_views(IMAGE, depths=DEPTH, intrinsics=K)


@pytest.fixture(scope="module")
def two_views():
    """The same camera twice, the second without depth."""
    return prepare_views([IMAGE, IMAGE], depths=[DEPTH, None], intrinsics=K, camera_to_world=[EYE, EYE], world_up="-y")


def mask_of(region, views, **options):
    (read,) = read_regions([region], views, **options)
    return read["masks"][region.get("view", 0)].numpy()


def test_the_whole_picture_is_its_width_and_height_in_edges(flat):
    assert mask_of({"box_xyxy": [0, 0, WIDTH, HEIGHT]}, flat).all()


def test_a_box_owns_the_pixels_whose_centres_it_holds(flat):
    mask = mask_of({"box_xyxy": [1.5, 2.6, 4.5, 5.4]}, flat)
    expected = np.zeros_like(mask)
    expected[3:5, 1:4] = True  # centres 3.5 and 4.5 by 1.5, 2.5 and 3.5
    assert np.array_equal(mask, expected)


def test_adjacent_boxes_share_no_pixel_and_miss_none(flat):
    left = mask_of({"box_xyxy": [0, 0, 40.5, HEIGHT]}, flat)
    right = mask_of({"box_xyxy": [40.5, 0, WIDTH, HEIGHT]}, flat)
    assert np.array_equal(left, ~right)


def test_a_box_half_a_pixel_too_large_is_clipped(flat):
    assert mask_of({"box_xyxy": [-0.5, -0.5, WIDTH + 0.5, HEIGHT + 0.5]}, flat).all()


def test_a_point_is_a_disc_of_at_least_three_pixels(flat):
    mask = mask_of({"point_xy": (20, 10)}, flat)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    assert np.array_equal(mask, (rows - 10) ** 2 + (columns - 20) ** 2 <= 9)
    large = prepare_views(np.zeros((100, 500, 3), dtype=np.uint8))
    assert mask_of({"point_xy": (250, 50)}, large)[50].sum() == 21  # 2 % of 500 to each side, and the centre


@pytest.mark.parametrize(
    "polygon",
    [
        [(10, 5), (30, 5), (30, 25), (10, 25)],
        [10, 5, 30, 5, 30, 25, 10, 25],
        [[10, 5, 30, 5, 30, 25, 10, 25]],
        np.array([[10, 5], [30, 5], [30, 25], [10, 25]]),
        torch.tensor([[10, 25], [30, 25], [30, 5], [10, 5]]),
        [[(10, 5), (30, 5), (30, 15), (10, 15)], [(10, 15), (30, 15), (30, 25), (10, 25)]],
        [[10, 5, 30, 5, 30, 20, 10, 20], [10, 10, 30, 10, 30, 25, 10, 25]],
    ],
    ids=["vertices", "flat", "COCO", "array", "tensor clockwise", "two rings", "overlapping rings"],
)
def test_a_rectangular_polygon_is_a_box(polygon, flat):
    assert np.array_equal(mask_of({"polygon": polygon}, flat), mask_of({"box_xyxy": [10, 5, 30, 25]}, flat))


def slow_even_odd(ring, height, width):
    """Reference: one ray to the left for every pixel centre, edge by edge."""
    mask = np.zeros((height, width), dtype=bool)
    for row in range(height):
        for column in range(width):
            for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                if (y0 <= row + 0.5) != (y1 <= row + 0.5):
                    crossing = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                    mask[row, column] ^= crossing <= column + 0.5
    return mask


@settings(max_examples=25, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(3, 9), st.just(2)), elements=st.floats(0, 12, width=32)))
def test_polygons_agree_with_a_ray_per_pixel(ring):
    views = prepare_views(np.zeros((12, 12, 3), dtype=np.uint8))
    expected = slow_even_odd(ring, 12, 12)
    if expected.any():
        assert np.array_equal(mask_of({"polygon": ring}, views), expected)


def test_a_polygon_of_very_many_vertices_is_a_circle(flat):
    angle = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    ring = np.stack((40 + 20 * np.cos(angle), 30 + 20 * np.sin(angle)), axis=1)
    assert mask_of({"polygon": ring}, flat).sum() == pytest.approx(np.pi * 400, rel=0.01)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # inside pycocotools
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.floats(0, 1), st.integers(1, 9), st.integers(0, 999))
def test_coco_run_lengths_are_decoded_as_pycocotools_does(height, width, share, block, seed):
    coarse = np.random.default_rng(seed).random((-(-height // block), -(-width // block))) < share
    mask = np.kron(coarse, np.ones((block, block), dtype=bool))[:height, :width]
    compressed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = compressed | {"counts": compressed["counts"].decode()}
    runs = np.diff(np.flatnonzero(np.diff(np.r_[2, mask.T.ravel(), 2])))
    plain = {"size": [height, width], "counts": [0] * int(mask[0, 0]) + runs.tolist()}
    assert coco.frPyObjects(plain, height, width) == compressed
    for rle in (compressed, text, plain):
        decoded = decode_rle(rle)
        assert decoded.dtype == bool
        assert np.array_equal(decoded, coco.decode(compressed).astype(bool))


def test_long_runs_of_a_large_mask_are_decoded():
    mask = np.zeros((1500, 2000), dtype=np.uint8, order="F")
    mask[700:800, 900:1300] = 1
    assert np.array_equal(decode_rle(coco.encode(mask)), mask.astype(bool))


def test_a_mask_is_the_same_in_every_form(flat, tmp_path):
    grey = PLATE.astype(np.uint8) * 255
    Image.fromarray(grey).save(tmp_path / "mask.png")
    np.save(tmp_path / "mask.npy", PLATE)
    forms = {
        "bool": PLATE,
        "0 and 1": PLATE.astype(np.int64),
        "0 and 255": grey,
        "tensor": torch.from_numpy(PLATE),
        "PIL L": Image.fromarray(grey),
        "PIL 1": Image.fromarray(grey).convert("1"),
        "file": str(tmp_path / "mask.png"),
        "npy": tmp_path / "mask.npy",
        "COCO": coco.encode(np.asfortranarray(PLATE.astype(np.uint8))),
    }
    for form, mask in forms.items():
        assert np.array_equal(mask_of({"mask": mask}, flat), PLATE), form


@pytest.mark.parametrize(
    "region",
    [
        {"box_xyxy": [28, 18, 52, 42]},
        {"polygon": [(28, 18), (52, 18), (52, 42), (28, 42)]},
        {"box_xyxy": [28, 18, 52, 42], "region": 5},
    ],
    ids=["box", "polygon", "numbered"],
)
def test_marks_keep_the_thing_and_drop_the_wall_behind(region, scene):
    (read,) = read_regions([region], scene)
    assert np.array_equal(read["masks"][0].numpy(), PLATE)
    assert read["kept_share"] == pytest.approx(400 / 576)
    assert {type(read[name]) for name in ("kept_share", "valid_share")} == {float}  # provenance is plain Python
    assert read["valid_share"] == 1.0


def test_a_point_near_an_edge_keeps_its_side(scene):
    mask = mask_of({"point_xy": (31, 30)}, scene)
    assert mask.any()
    assert not mask[~PLATE].any()


def test_a_mask_is_taken_at_its_word(scene):
    mask = np.zeros_like(PLATE)
    mask[18:42, 28:52] = True
    (read,) = read_regions([{"mask": mask}], scene)
    assert np.array_equal(read["masks"][0].numpy(), mask)
    assert read["kept_share"] == 1.0


def test_the_cluster_can_be_switched_off(scene):
    assert mask_of({"box_xyxy": [28, 18, 52, 42]}, scene, keep_dominant_cluster=False).sum() == 576


def test_shares_count_the_marked_pixels_with_depth():
    depth = DEPTH.copy()
    depth[30:40] = 0
    views = prepare_views(IMAGE, depths=depth, intrinsics=K)
    (read,) = read_regions([{"mask": PLATE}], views)
    assert read["valid_share"] == 0.5
    (read,) = read_regions([{"box_xyxy": [30, 20, 50, 40]}], views)
    assert (read["valid_share"], read["kept_share"]) == (0.5, 1.0)
    (read,) = read_regions([{"mask": PLATE}], prepare_views(IMAGE))
    assert read["valid_share"] == 0.0


@pytest.mark.parametrize("step", [2, 4])
def test_depth_of_a_lower_resolution_keeps_the_same_thing(step):
    views = prepare_views(IMAGE, depths=DEPTH[::step, ::step], intrinsics=K, depth_field_of_view="same")
    assert np.array_equal(
        mask_of({"box_xyxy": [26, 16, 54, 44]}, views), np.kron(PLATE[::step, ::step], np.ones((step, step))) > 0
    )


@pytest.mark.parametrize(("box", "touches"), [([1, 1, 9, 9], False), ([0, 1, 9, 9], True), ([60, 50, 80, 60], True)])
def test_a_region_at_the_edge_says_so(box, touches, flat):
    (read,) = read_regions([{"box_xyxy": box}], flat)
    assert read["touches_border"] is touches


def sideways(folder, name, pixels):
    """A picture stored on its side, with the EXIF tag that asks viewers to turn it by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(folder / name, exif=exif)
    return folder / name


# Pillow itself turns TIFF files while it decodes them.
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_a_mask_that_asks_for_rotation_is_turned_like_its_picture(suffix, tmp_path):
    views = prepare_views(sideways(tmp_path, f"phone.{suffix}", IMAGE))
    path = sideways(tmp_path, f"mask.{suffix}", PLATE)
    for mask in (path, Image.open(path)):
        assert np.array_equal(mask_of({"mask": mask}, views), np.rot90(PLATE, -1))


@pytest.mark.parametrize(
    "camera",
    [{"depths": DEPTH, "intrinsics": K}, {"intrinsics": K}, {"camera_to_world": [EYE], "world_up": "-y"}],
    ids=["depth", "intrinsics", "pose"],
)
def test_a_mask_that_asks_for_rotation_is_refused_with_camera_data(camera, tmp_path):
    path = sideways(tmp_path, "mask.png", PLATE)
    for mask in (path, Image.open(path)):
        with pytest.raises(ValueError, match=r"\['mask'\]` must be stored upright .* got EXIF orientation 6\. Apply"):
            mask_of({"mask": mask}, prepare_views(IMAGE, **camera))


def test_masks_are_copies_of_what_the_user_holds(flat):
    given = PLATE.copy()
    (read,) = read_regions([{"mask": given}], flat)
    given[:] = True
    assert np.array_equal(read["masks"][0].numpy(), PLATE)


def test_numbers_default_to_the_position_and_sort_the_regions(flat):
    boxes = [{"box_xyxy": [0, 0, size, size]} for size in (3, 4, 5)]
    assert [read["number"] for read in read_regions(boxes, flat)] == [0, 1, 2]
    numbered = [box | {"region": number} for box, number in zip(boxes, (7, 2, 7), strict=True)]
    reads = read_regions(numbered, flat)
    assert [(read["number"], int(read["masks"][0].sum())) for read in reads] == [(2, 16), (7, 25)]
    assert read_regions([], flat) == []


def test_one_thing_marked_in_two_views_is_one_region(two_views):
    marks = [{"region": 0, "view": view, "box_xyxy": [28, 18, 52, 42]} for view in (0, 1)]
    (read,) = read_regions(marks, two_views)
    # The first view keeps the plate (400 of 576 pixels); the second has no depth and keeps all.
    assert [int(mask.sum()) for mask in read["masks"]] == [400, 576]
    assert read["num_views"] == 2
    assert read["kept_share"] == pytest.approx((400 + 576) / (2 * 576))
    assert [points.shape for points in region_points(read["masks"], two_views)] == [(400, 3)]


def test_points_of_a_region_are_those_of_the_plate(scene):
    (read,) = read_regions([{"box_xyxy": [28, 18, 52, 42]}], scene)
    (points,) = region_points(read["masks"], scene)
    # 20 pixels of 2 m / 80 px: centres span 19 pixels, 0.475 m, about the optical axis; forward is +y.
    low, high = points.min(dim=0).values, points.max(dim=0).values
    torch.testing.assert_close(low, torch.tensor([-0.2375, 2.0, -0.2375]))
    torch.testing.assert_close(high, torch.tensor([0.2375, 2.0, 0.2375]))


def test_points_survive_a_mask_between_the_pixels_of_coarse_depth():
    views = prepare_views(IMAGE, depths=DEPTH[::4, ::4], intrinsics=K, depth_field_of_view="same")
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[28, 40] = True
    (points,) = region_points([mask], views)
    assert points.shape == (1, 3)
    assert points[0, 1] == 2.0
    assert region_points([None], views) == []


def test_a_3d_box_marks_the_measured_points_inside_it(two_views):
    (read,) = read_regions([{"box_3d": BOX}], two_views)
    assert np.array_equal(read["masks"][0].numpy(), PLATE)
    # The view without depth sees the projected box: its near face at 1.95 m is 0.52 m * 80 px / 1.95 m wide.
    assert read["masks"][1].sum() == pytest.approx((0.52 * 80 / 1.95) ** 2, rel=0.1)
    assert read["kept_share"] == 1.0


def test_a_3d_box_behind_something_is_not_marked_on_it(scene):
    wall = {"center": [0.0, 0.0, 4.0], "size": [10.0, 10.0, 0.1], "rotation": np.eye(3)}
    assert np.array_equal(mask_of({"box_3d": wall}, scene), ~PLATE)


@pytest.mark.parametrize("world_up", ["+x", "-y", "+z"])
def test_a_3d_box_is_in_the_world_of_the_poses(world_up):
    # The world is the camera turned by 90 degrees about its z axis and moved; the box turns and moves along.
    pose = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]], dtype=float)
    views = prepare_views(IMAGE, depths=DEPTH, intrinsics=K, camera_to_world=[pose], world_up=world_up)
    box = {"center": [5.0, 6.0, 9.0], "size": [0.52, 0.52, 0.1], "rotation": pose[:3, :3]}
    assert np.array_equal(mask_of({"box_3d": box}, views), PLATE)


def test_a_3d_box_needs_no_depth_where_there_are_poses():
    views = prepare_views(IMAGE, intrinsics=K, camera_to_world=[EYE], world_up="+z")
    rows, columns = np.nonzero(mask_of({"box_3d": BOX}, views))
    assert (rows.mean(), columns.mean()) == pytest.approx((29.5, 39.5))


SMALL = [2, 2, 9, 9]
LABELS = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
LABELS[:5, :5], LABELS[10:, 10:] = 3, 7
BAD_REGIONS = {
    "no list": ({"box_xyxy": SMALL}, r"`regions` must be a list of dictionaries, got \{'box_xyxy'"),
    "no dictionary": ([SMALL], r"`regions\[0\]` must be a dictionary .* got \[2, 2, 9, 9\] \(list\)"),
    "no kind": ([{"view": 0}], r"`regions\[0\]` must have exactly one of \('box_xyxy', .* got none"),
    "two kinds": ([{"box_xyxy": SMALL, "mask": PLATE}], r"exactly one of .* got \['box_xyxy', 'mask'\]"),
    "unknown key": ([{"bbox": SMALL}], r"must have keys out of \('box_xyxy', .* got 'bbox'"),
    "some numbers": (
        [{"box_xyxy": SMALL, "region": 0}, {"box_xyxy": SMALL}],
        r"in all entries or in none, got it in 1 of 2; regions\[1\] has none",
    ),
    "negative number": (
        [{"box_xyxy": SMALL, "region": -1}],
        r"`regions\[0\]\['region'\]` must be 0 or larger, got -1",
    ),
    "text number": ([{"box_xyxy": SMALL, "region": "0"}], r"`regions\[0\]\['region'\]` must be an integer, got '0'"),
    "bool number": ([{"box_xyxy": SMALL, "region": True}], r"must be an integer, got True \(bool\)"),
    "view range": ([{"box_xyxy": SMALL, "view": 1}], r"\['view'\]` must be below the number of views \(1\), got 1"),
    "view negative": ([{"box_xyxy": SMALL, "view": -1}], r"\['view'\]` must be 0 or larger, got -1"),
    "view float": ([{"box_xyxy": SMALL, "view": 0.0}], r"\['view'\]` must be an integer, got 0.0 \(float\)"),
    "outside": ([{"box_xyxy": [70, 5, 90, 20]}], r"inside the 80x60 picture, got x from 70 to 90 and y from 5 to 20"),
    "above": ([{"box_xyxy": [0, -2, 9, 20]}], r"inside the 80x60 picture, got .* y from -2 to 20"),
    "inverted": ([{"box_xyxy": [50, 5, 20, 20]}], r"left < right and top < bottom, got \[50.0, 5.0, 20.0, 20.0\]"),
    "xywh": ([{"box_xyxy": [50, 40, 20, 10]}], r"A box written as \(x, y, width, height\) becomes"),
    "normalised": ([{"box_xyxy": [0.1, 0.1, 0.5, 1.0]}], r"got \[0.1, 0.1, 0.5, 1.0\], which looks normalised"),
    "three numbers": (
        [{"box_xyxy": [1, 2, 3]}],
        r"`regions\[0\]\['box_xyxy'\]` must be 4 finite numbers, got \[1, 2, 3\]",
    ),
    "NaN box": ([{"box_xyxy": [1, 2, 3, float("nan")]}], r"must be 4 finite numbers, got \[1, 2, 3, nan\]"),
    "text box": ([{"box_xyxy": "1,2,3,4"}], r"\['box_xyxy'\]` must hold real numbers, got '1,2,3,4'"),
    "thin box": (
        [{"box_xyxy": [2.6, 2, 3.4, 9]}],
        r"`regions\[0\]` must mark at least one pixel of view 0, got an empty",
    ),
    "far point": (
        [{"point_xy": (80, 10)}],
        r"`regions\[0\]\['point_xy'\]` must lie inside the 80x60 picture, got \[80.0",
    ),
    "point of 3": ([{"point_xy": (1, 2, 3)}], r"must be 2 finite numbers, got \(1, 2, 3\)"),
    "two vertices": ([{"polygon": [(1, 2), (3, 4)]}], r"at least 3 vertices \(x, y\), got numbers of shape \(2, 2\)"),
    "number as polygon": ([{"polygon": 5}], r"\['polygon'\]` must be a list of vertices, got 5 \(int\)"),
    "ragged polygon": (
        [{"polygon": [(1, 2), (3, 4, 5), (6, 7)]}],
        r"vertices \(x, y\), or rings of at least 3 of them, got numbers of shape \(3,\) as entry 1 of 3",
    ),
    "ragged ring": (
        [{"polygon": [[(1, 2), (3,), (6, 7)]]}],
        r"\['polygon'\]` must hold numbers in rows of equal length",
    ),
    "vertices in 3D": (
        [{"polygon": [(1, 2, 0), (3, 4, 0), (6, 7, 0)]}],
        r"got numbers of shape \(3,\) as entry 0 of 3",
    ),
    "OpenCV": (
        [{"polygon": np.ones((7, 1, 2), np.int32)}],
        r"shape \(N, 2\), got \(7, 1, 2\).*`contour.squeeze\(1\)`",
    ),
    "OpenCV list": ([{"polygon": [np.ones((7, 1, 2), np.int32)] * 2}], r"got \(7, 1, 2\).*`contour.squeeze\(1\)`"),
    "odd polygon": (
        [{"polygon": [1, 2, 3, 4, 5, 6, 7]}],
        r"at least 3 vertices \(x, y\), got numbers of shape \(7,\)",
    ),
    "no vertices": ([{"polygon": []}], r"at least 3 vertices, got none"),
    "NaN polygon": ([{"polygon": [(1, 2), (3, 4), (5, float("inf"))]}], r"must hold finite numbers, got NaN or inf"),
    "far polygon": ([{"polygon": [(1, 2), (3, 4), (99, 9)]}], r"inside the 80x60 picture, got x from 1 to 99"),
    "thin polygon": ([{"polygon": [(1, 2), (9, 2), (9, 2.2)]}], r"must mark at least one pixel .* got an empty mask"),
    "text polygon": ([{"polygon": "1 2 3"}], r"\['polygon'\]` must hold real numbers, got '1 2 3'"),
    "empty mask": ([{"mask": ~PLATE & PLATE}], r"must mark at least one pixel of view 0, got an empty mask"),
    "mask size": ([{"mask": PLATE.T}], r"\['mask'\]` must have the size of its image, 80x60, got 60x80"),
    "labels": ([{"mask": LABELS}], r"only 0 and 1, or only 0 and 255, got 3 values: \[0, 3, 7\]"),
    "one label": ([{"mask": LABELS * (LABELS == 3)}], r"only 0 and 1, or only 0 and 255, got 2 values: \[0, 3\]"),
    "soft mask": ([{"mask": PLATE * 0.7}], r"integers 0 and 1, or 0 and 255, got .* float64.*mask > 0.5"),
    "stack": ([{"mask": PLATE[None]}], r"one mask of shape \(H, W\), got an array of shape \(1, 60, 80\)"),
    "RGB mask": ([{"mask": Image.new("RGB", (80, 60))}], r"mode 1 or L, got a PIL image of mode RGB"),
    "mask file": ([{"mask": "none.png"}], r"\['mask'\]` must be an existing file, got 'none.png'"),
    "mask list": ([{"mask": [[0, 1]]}], r"path, a PIL image, an array or a tensor, got \[\[0, 1\]\]"),
    "RLE keys": ([{"mask": {"counts": [9]}}], r"exactly the keys \('size', 'counts'\), got \['counts'\]"),
    "RLE size": ([{"mask": {"size": [60], "counts": [9]}}], r"\['size'\]` must be two integers .* got \[60\]"),
    "RLE swapped": ([{"mask": {"size": [80, 60], "counts": [0, 4800]}}], r"size of its image, 80x60, got 60x80"),
    "RLE sum": (
        [{"mask": {"size": [60, 80], "counts": [5, 7]}}],
        r"fill 60x80 = 4800 pixels, got a sum of 12 in 2 runs",
    ),
    "RLE negative": (
        [{"mask": {"size": [60, 80], "counts": [-1, 4801]}}],
        r"fill 60x80 .* got a sum of 4800 in 2 runs",
    ),
    "RLE none": ([{"mask": {"size": [60, 80], "counts": []}}], r"got a sum of 0 in 0 runs"),
    "RLE floats": ([{"mask": {"size": [60, 80], "counts": [0.5]}}], r"string or a flat list of integers, got \[0.5\]"),
    "RLE text": ([{"mask": {"size": [60, 80], "counts": "a b"}}], r"complete COCO run-length string, got b'a b'"),
    "RLE accents": ([{"mask": {"size": [60, 80], "counts": "P\xe9"}}], r"complete COCO .* got b'P.*xe9' with 5"),
    "RLE surrogate": ([{"mask": {"size": [60, 80], "counts": "\ud800"}}], r"complete COCO run-length string, got b'"),
    "RLE empty": ([{"mask": {"size": [60, 80], "counts": b""}}], r"complete COCO .* got b'' with 0 characters"),
    "RLE cut": ([{"mask": {"size": [60, 80], "counts": "PPP"}}], r"got b'PPP' with 3 characters. It is cut off"),
    "RLE long": ([{"mask": {"size": [60, 80], "counts": "P" * 20 + "0"}}], r"at most 7 characters, got one of 21"),
    "RLE huge": (
        [{"mask": {"size": [10**6, 10**6], "counts": [10**12]}}],
        r"at most 64000000 pixels, got 1000000x1000000",
    ),
    "box and view": ([{"box_3d": BOX, "view": 0}], r"must have no `view` beside `box_3d`, got view 0"),
    "half box": (
        [{"box_3d": {"center": [0, 0, 2]}}],
        r"exactly the keys \('center', 'size', 'rotation'\), got \['center'\]",
    ),
    "box as list": (
        [{"box_3d": [0, 0, 2]}],
        r"`regions\[0\]\['box_3d'\]` must be a dictionary with .* got \[0, 0, 2\]",
    ),
    "flat box": ([{"box_3d": BOX | {"size": [1, 0, 1]}}], r"three positive full extents.* got \[1.0, 0.0, 1.0\]"),
    "Euler angles": (
        [{"box_3d": BOX | {"rotation": [0, 0, 1]}}],
        r"finite numbers of shape \(3, 3\), got \[0, 0, 1\]",
    ),
    "mirrored": ([{"box_3d": BOX | {"rotation": -np.eye(3)}}], r"rotation matrix .* got determinant -1 and"),
    "scaled": ([{"box_3d": BOX | {"rotation": 2 * np.eye(3)}}], r"determinant 8 and a deviation of 3 from"),
    "NaN centre": (
        [{"box_3d": BOX | {"center": [0, 0, float("nan")]}}],
        r"\['box_3d'\]\['center'\]` must be finite numbers of shape \(3,\), got \[0, 0, nan\] .*three lengths",
    ),
    "far centre": (
        [{"box_3d": BOX | {"center": [0, 0, 1e300]}}],
        r"`regions\[0\]\['box_3d'\]\['center'\]` must be metres of at most 100000, got \[0.0, 0.0, 1e\+300\]",
    ),
    "endless box": ([{"box_3d": BOX | {"size": [1, 1, 1e300]}}], r"\['size'\]` must be metres of at most 100000, got"),
    "endless rotation": (
        [{"box_3d": BOX | {"rotation": np.array([[1, 1, 0], [1, -1, 0], [1, -1, 1]]) * 1e300}}],
        r"rotation matrix .* got determinant .* and a deviation of nan",
    ),
    "box nowhere": (
        [{"box_3d": BOX | {"center": [9, 0, 2]}}],
        r"visible in at least one view, got no pixel in 1 of 1",
    ),
}


@pytest.mark.parametrize(("regions", "match"), BAD_REGIONS.values(), ids=BAD_REGIONS)
def test_regions_that_mean_nothing_are_refused(regions, match, scene):
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=match):
        read_regions(regions, scene)


def test_a_2d_mark_among_several_views_needs_its_view(two_views):
    with pytest.raises(ValueError, match=r"`regions\[0\]\['view'\]` is required .* got none for 2 views"):
        read_regions([{"box_xyxy": SMALL}], two_views)


def test_a_3d_box_in_relative_depth_is_refused():
    views = prepare_views(IMAGE, depths=DEPTH, intrinsics=K, depth_kind="relative")
    with pytest.raises(ValueError, match=r"\['box_3d'\]` needs metric depth, got depth without a metric scale"):
        read_regions([{"box_3d": BOX}], views)


def test_a_3d_box_without_any_geometry_is_refused(flat):
    with pytest.raises(
        ValueError, match=r"needs metric depth, or poses and intrinsics, got neither for any of 1 view"
    ):
        read_regions([{"box_3d": BOX}], flat)
