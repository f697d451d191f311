# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""World and cameras of ScanNet: what is up, when walls are aligned, and what no published scan has."""

import numpy as np
import pytest

from transformers_sr3d.inputs.scannet_world import check_extrinsics, find_world, is_tracking_lost, read_camera


# A quarter turn about z, which takes x to y, and a shift.
ALIGNMENT = "0.0 -1.0 0.0 1.5 1.0 0.0 0.0 -2.0 0.0 0.0 1.0 0.25 0.0 0.0 0.0 1.0"
META = f"axisAlignment = {ALIGNMENT}\ncolorHeight = 968\nsceneType = Apartment\n"


def find(path, *, axis_alignment=True, world_up=None):
    return find_world(path, axis_alignment=axis_alignment, world_up=world_up)


@pytest.fixture
def scan(tmp_path):
    folder = tmp_path / "scene0000_00"
    (folder / "export").mkdir(parents=True)
    (folder / "scene0000_00.txt").write_text(META)
    return folder


@pytest.mark.parametrize("where", ["", "export", "scene0000_00.sens"])
def test_alignment_turns_and_shifts_points_of_the_world(scan, where):
    world = find(scan / where)
    assert world.up == "+z"
    assert (world.aligned_from_world @ [1, 0, 0, 1]).tolist() == [1.5, -1.0, 0.25, 1.0]
    assert world.convention == (
        "World: of the poses, then axis-aligned (axisAlignment of scene0000_00.txt); up is +z."
    )


def test_alignment_can_be_left_out(scan):
    world = find(scan, axis_alignment=False)
    assert np.array_equal(world.aligned_from_world, np.eye(4))
    assert world.convention == "World: of the poses, not axis-aligned (as asked); up is +z."


def test_a_scan_without_alignment_says_so(scan):
    (scan / "scene0000_00.txt").write_text("colorHeight = 968\n")
    assert "not axis-aligned (no axisAlignment in scene0000_00.txt)" in find(scan).convention
    (scan / "scene0000_00.txt").unlink()
    assert "not axis-aligned (no scene0000_00.txt)" in find(scan).convention


def test_the_file_of_another_scan_is_not_used(scan):
    (scan / "scene0000_00.txt").rename(scan / "scene0000_01.txt")
    assert np.array_equal(find(scan).aligned_from_world, np.eye(4))


def test_a_folder_of_another_name_is_known_by_the_file_of_its_scan(tmp_path):
    (tmp_path / "scene0707_00.txt").write_text(META)
    assert find(tmp_path).aligned_from_world[0, 3] == 1.5
    (tmp_path / "scene0707_01.txt").write_text(META)
    with pytest.raises(
        ValueError, match=r"must hold the file of one scan, got scene0707_00\.txt and scene0707_01\.txt"
    ):
        find(tmp_path)


def test_what_is_no_scan_must_say_what_is_up(tmp_path):
    for name in ("mine", "xscene0000_00", "scene0000_000"):
        with pytest.raises(ValueError, match=r"`world_up` must be given for .*, got None"):
            find(tmp_path / name)
    world = find(tmp_path / "mine", world_up="-y")
    assert world.up == "-y"
    assert world.convention == "World: of the poses, not axis-aligned (no name of a scan); up is -y."
    with pytest.raises(ValueError, match=r"`world_up` must be one of"):
        find(tmp_path / "mine", world_up="y")


def test_alignment_about_z_contradicts_another_up(scan):
    with pytest.raises(ValueError, match=r"`world_up` must be '\+z' or 'unknown' where axisAlignment .* got '-y'"):
        find(scan, world_up="-y")
    assert find(scan, world_up="unknown").up == "unknown"
    assert find(scan, world_up="-y", axis_alignment=False).up == "-y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axisAlignment = 1 0 0\n", r"scene0000_00\.txt line 1` must give axisAlignment 16 numbers, got 3"),
        ("\naxisAlignment = " + ALIGNMENT.replace("1.5", "x"), r"scene0000_00\.txt line 2` must be numbers"),
        ("axisAlignment = " + ALIGNMENT.replace("1.5", "nan"), r"txt line 1` must be 4x4 finite numbers"),
        ("axisAlignment = " + ALIGNMENT.replace("-1.0", "-2.0"), r"txt line 1` must be rigid to 0\.001"),
        ("axisAlignment = 1 0 0 0 0 0 -1 0 0 1 0 0 0 0 0 1", r"txt line 1` must turn about z, .* leaves 0 of it"),
        (META + META, r"txt line 4` must be the only axisAlignment, got a second one"),
    ],
)
def test_bad_alignment_is_refused_by_file_and_line(scan, text, message):
    (scan / "scene0000_00.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        find(scan)
    find(scan, axis_alignment=False)


def test_only_minus_infinity_marks_lost_tracking():
    assert is_tracking_lost(np.full((4, 4), -np.inf))
    for value in (np.inf, np.nan, 0.0):
        assert not is_tracking_lost(np.full((4, 4), value))


@pytest.mark.parametrize(("row", "column", "value"), [(0, 3, -0.0379), (1, 2, 0.0066), (3, 3, np.nan)])
def test_cameras_at_two_places_are_refused(row, column, value):
    extrinsics = np.eye(4)
    check_extrinsics(extrinsics, "e.txt")
    extrinsics[row, column] = value
    with pytest.raises(ValueError, match=r"`e\.txt` must be the identity to 0\.001, .* got (0\.0379|0\.0066|nan) off"):
        check_extrinsics(extrinsics, "e.txt")


def test_intrinsics_of_pictures_made_smaller_are_refused():
    stored = np.diag([1170.188, 1170.188, 1.0, 1.0])
    stored[:2, 2] = 647.75, 483.75
    assert np.allclose(read_camera(stored, "k.txt", (968, 1296)), stored[:3, :3])
    for size_hw in ((480, 640), (600, 800), (726, 972)):
        with pytest.raises(ValueError, match=r"`k\.txt` must .* got cx=647\.75, cy=483\.75"):
            read_camera(stored, "k.txt", size_hw)
    stored[0, 3] = 0.5
    with pytest.raises(ValueError, match=r"`k\.txt` must be 4x4 with the intrinsics in its corner"):
        read_camera(stored, "k.txt", (968, 1296))
