# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1, geometry. Every expected value is derived in the test, from a scene with a closed-form answer."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import ROOM_SIZE, box_room, flat_wall, look_at, orbiting_cameras, pinhole, rigid, turn

from transformers_sr3d.geometry_sr3d import (
    MAX_CANONICAL_NORM,
    MAX_SAMPLED_POINTS,
    MIN_SCALE,
    canonical_frame,
    check_rigid,
    crop_intrinsics,
    disparity_to_depth,
    gravity_rotation,
    intrinsics_from_fov,
    invert_rigid,
    level_camera_rotation,
    opengl_to_opencv,
    project_points,
    resize_intrinsics,
    to_canonical,
    transform_points,
    unproject_depth,
    world_up_rotation,
)
from transformers_sr3d.tensor_helpers_sr3d import check_shape, quantile, sample_evenly, valid_points


# Float32 rounding of coordinates of a few metres, worst case measured 2e-6; half a pixel at 2 m would be 2e-2.
METRES_ATOL = 1e-5

properties = settings(max_examples=25, deadline=None, derandomize=True)
angles = st.floats(-math.pi, math.pi)
metres = st.floats(-20, 20)


def room_points(num_views=3):
    """World point maps and masks of a room seen from a circle, with some pixels not measured."""
    points, valid = [], []
    for camera_to_world in orbiting_cameras(num_views):
        view = box_room(camera_to_world, boxes=(((2.5, 2.0, 0.4), (0.6, 0.4, 0.8)),))
        view["depth"][:5] = 0.0
        points_camera, measured = unproject_depth(view["depth"], view["intrinsics"])
        points.append(transform_points(points_camera, camera_to_world))
        valid.append(measured)
    return points, valid


# --- unprojection and projection ---


def test_one_pixel_right_moves_depth_over_focal_metres():
    points_camera, _ = unproject_depth(torch.full((7, 9), 2.0), pinhole(50.0))
    torch.testing.assert_close(points_camera[3, 5] - points_camera[3, 4], torch.tensor([2.0 / 50.0, 0.0, 0.0]))


def test_principal_point_looks_along_the_optical_axis():
    intrinsics = torch.tensor([[50.0, 0.0, 4.0], [0.0, 40.0, 3.0], [0.0, 0.0, 1.0]])
    points_camera, _ = unproject_depth(torch.full((7, 9), 2.0), intrinsics)
    assert points_camera[3, 4].tolist() == [0.0, 0.0, 2.0]
    torch.testing.assert_close(points_camera[6, 8], torch.tensor([4 * 2 / 50, 3 * 2 / 40, 2.0]))


@pytest.mark.parametrize("tilt", [0.0, 0.4, -0.7])
def test_unprojected_wall_lies_in_its_plane(tilt):
    wall = flat_wall(3.0, tilt=tilt)
    points_camera, valid = unproject_depth(wall["depth"], wall["intrinsics"])
    plane = points_camera[..., 0] * math.sin(tilt) + points_camera[..., 2] * math.cos(tilt)
    assert valid.all()
    torch.testing.assert_close(plane, torch.full_like(plane, 3.0 * math.cos(tilt)), atol=METRES_ATOL, rtol=0)


@pytest.mark.parametrize("view", range(4))
def test_unprojected_room_lies_on_its_walls(view):
    room = box_room(orbiting_cameras(4)[view])
    points_camera, _ = unproject_depth(room["depth"], room["intrinsics"])
    points_world = transform_points(points_camera, room["camera_to_world"])
    torch.testing.assert_close(points_world, room["points_world"], atol=METRES_ATOL, rtol=0)
    to_wall = torch.minimum(points_world.abs(), (torch.tensor(ROOM_SIZE) - points_world).abs()).amin(dim=-1)
    assert to_wall.max() < METRES_ATOL


def unproject_one_by_one(depth, intrinsics):
    """Reference twin: one pixel at a time, through the inverse matrix."""
    inverse = torch.linalg.inv(intrinsics.double())
    points = torch.zeros(*depth.shape, 3, dtype=torch.float64)
    for v in range(depth.shape[0]):
        for u in range(depth.shape[1]):
            if math.isfinite(depth[v, u]) and depth[v, u] > 0:
                points[v, u] = inverse @ torch.tensor([u, v, 1.0], dtype=torch.float64) * depth[v, u].double()
    return points.float()


def test_unprojection_equals_its_slow_twin():
    depth = torch.rand(9, 11) * 5
    depth[2, 3], depth[4, 4], depth[0, 0] = float("nan"), -1.0, 0.0
    intrinsics = torch.tensor([[61.0, 0.0, 5.3], [0.0, 47.0, 3.9], [0.0, 0.0, 1.0]])
    points_camera, _ = unproject_depth(depth, intrinsics)
    torch.testing.assert_close(points_camera, unproject_one_by_one(depth, intrinsics))


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf"), -float("inf")])
def test_unmeasured_depth_gives_a_zero_point_and_a_false_mask(bad):
    points_camera, valid = unproject_depth(torch.tensor([[1.0, bad]]), pinhole())
    assert valid.tolist() == [[True, False]]
    assert points_camera[0, 1].tolist() == [0.0, 0.0, 0.0]


def test_leading_axes_broadcast_between_depth_and_intrinsics():
    depth, intrinsics = torch.rand(2, 3, 4, 5) + 1, torch.stack((pinhole(40.0), pinhole(60.0), pinhole(80.0)))
    points_camera, valid = unproject_depth(depth, intrinsics)
    assert points_camera.shape == (2, 3, 4, 5, 3)
    assert valid.shape == (2, 3, 4, 5)
    torch.testing.assert_close(points_camera[1, 2], unproject_depth(depth[1, 2], intrinsics[2])[0])


@properties
@given(st.floats(20, 2000), st.floats(-5, 70), st.floats(-5, 50), st.floats(0.1, 80.0), st.integers(0, 1000))
def test_projection_undoes_unprojection(focal_px, centre_u, centre_v, largest_m, seed):
    depth = torch.rand(6, 8, generator=torch.Generator().manual_seed(seed)) * largest_m + 0.05
    intrinsics = torch.tensor([[focal_px, 0.0, centre_u], [0.0, focal_px * 1.1, centre_v], [0.0, 0.0, 1.0]])
    pixels_uv, in_front = project_points(unproject_depth(depth, intrinsics)[0], intrinsics)
    v, u = torch.meshgrid(torch.arange(6.0), torch.arange(8.0), indexing="ij")
    assert in_front.all()
    torch.testing.assert_close(pixels_uv, torch.stack((u, v), dim=-1), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "point", [[1.0, 1.0, 0.0], [1.0, 1.0, -2.0], [float("nan"), 0.0, 1.0], [0.0, float("inf"), 1]]
)
def test_points_not_in_front_project_to_zero_and_false(point):
    pixels_uv, in_front = project_points(torch.tensor([point, [0.0, 0.0, 1.0]]), pinhole())
    assert in_front.tolist() == [False, True]
    assert pixels_uv[0].tolist() == [0.0, 0.0]


def test_integer_depth_is_rejected():
    with pytest.raises(TypeError, match=r"`depth` must be floating-point metres, got torch.int16"):
        unproject_depth(torch.ones(4, 4, dtype=torch.int16), pinhole())


def test_inverted_intrinsics_are_rejected_with_a_hint():
    with pytest.raises(ValueError, match=r"not positive \(smallest: -50 px\).*normalised or an inverted"):
        unproject_depth(torch.ones(7, 9), -pinhole())


def test_depth_without_rows_is_rejected():
    with pytest.raises(ValueError, match=r"`depth` must have shape \(\*, H, W\), got \(7,\)"):
        unproject_depth(torch.ones(7), pinhole())


def test_intrinsics_with_four_columns_are_rejected():
    with pytest.raises(ValueError, match=r"`intrinsics` must have shape \(\*, 3, 3\), got \(3, 4\)"):
        unproject_depth(torch.ones(7, 9), torch.ones(3, 4))
    with pytest.raises(ValueError, match=r"`points_camera` must have shape \(\*, 3\), got \(2, 4\)"):
        project_points(torch.ones(2, 4), pinhole())


# --- relative depth ---


def test_disparity_one_half_of_the_largest_is_nearly_twice_as_far():
    depth = disparity_to_depth(torch.tensor([[8.0, 4.0]]), epsilon=0.0)
    assert depth.tolist() == [[1.0, 2.0]]


def test_smallest_disparity_stays_at_a_finite_depth():
    depth = disparity_to_depth(torch.tensor([[1.0, 1e-9]]), epsilon=0.02)
    torch.testing.assert_close(depth, torch.tensor([[1 / 1.02, 1 / 0.02]]))


@pytest.mark.parametrize("bad", [0.0, -3.0, float("nan"), float("inf")])
def test_unmeasured_disparity_stays_unmeasured_depth(bad):
    assert disparity_to_depth(torch.tensor([[bad, 2.0]])).tolist() == [[0.0, pytest.approx(1 / 1.02)]]
    assert disparity_to_depth(torch.tensor([[bad]])).tolist() == [[0.0]]


def test_one_outlier_does_not_rescale_a_disparity_map():
    disparity = torch.linspace(1.0, 10.0, 200).reshape(10, 20)
    spoiled = disparity.clone()
    spoiled[3, 4] = 1e6
    depth, wanted = disparity_to_depth(spoiled), disparity_to_depth(disparity)
    assert depth[3, 4] == pytest.approx(1 / 1.02)  # as near as the nearest
    depth[3, 4] = wanted[3, 4]
    torch.testing.assert_close(depth, wanted, rtol=0.01, atol=0)


def test_at_most_one_percent_of_a_disparity_map_is_clamped():
    depth = disparity_to_depth(torch.arange(1.0, 1001.0).reshape(20, 50), epsilon=0.0)
    # 990 of 1000 is the value that 1 % exceed.
    assert (depth == 1.0).sum() == 11
    assert depth[0, 0] == pytest.approx(990.0)


def test_disparity_scale_does_not_matter():
    disparity = torch.rand(4, 6) + 0.1
    torch.testing.assert_close(disparity_to_depth(disparity * 37.0), disparity_to_depth(disparity))


def test_disparity_with_channels_is_rejected():
    with pytest.raises(ValueError, match=r"`disparity` must have shape \(H, W\), got \(3, 4, 6\)"):
        disparity_to_depth(torch.ones(3, 4, 6))


# --- poses ---


def test_pose_moves_the_optical_axis_to_the_target():
    camera_to_world = look_at((1.0, 1.0, 1.5), (4.0, 1.0, 1.5))
    ahead = transform_points(torch.tensor([[0.0, 0.0, 2.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), camera_to_world)
    torch.testing.assert_close(ahead, torch.tensor([[3.0, 1.0, 1.5], [1.0, 0.0, 1.5], [1.0, 1.0, 0.5]]))


def test_points_keep_their_dtype_under_a_double_pose():
    assert transform_points(torch.ones(2, 3), torch.eye(4).double()).dtype == torch.float32


@properties
@given(angles, angles, st.tuples(metres, metres, metres))
def test_inverse_pose_undoes_the_pose(first, second, translation):
    transform = rigid(turn("z", first) @ turn("x", second), translation)
    check_rigid("camera_to_world", transform)
    both = torch.stack((transform, torch.eye(4)))
    torch.testing.assert_close(invert_rigid(both) @ both, torch.eye(4).expand(2, 4, 4), atol=1e-4, rtol=0)
    points = torch.tensor([[1.0, -2.0, 3.0]])
    back = transform_points(transform_points(points, transform), invert_rigid(transform))
    torch.testing.assert_close(back, points, atol=1e-4, rtol=0)


def test_inverting_leaves_the_pose_itself_alone():
    transform = rigid(turn("z", 0.3), (1.0, 2.0, 3.0))
    before = transform.clone()
    invert_rigid(transform)
    assert torch.equal(transform, before)


def test_opengl_camera_looks_the_same_way_after_conversion():
    opengl = rigid(turn("x", math.pi / 2), (1.0, 2.0, 3.0))  # its -z axis, the view, points to world +y; its y to +z
    opencv = opengl_to_opencv(opengl)
    look = transform_points(torch.tensor([0.0, 0.0, 1.0]), opencv) - opencv[:3, 3]
    down = transform_points(torch.tensor([0.0, 1.0, 0.0]), opencv) - opencv[:3, 3]
    torch.testing.assert_close(look, torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(down, torch.tensor([0.0, 0.0, -1.0]))
    assert torch.equal(opencv[:3, 3], opengl[:3, 3])
    assert torch.equal(opengl_to_opencv(opencv), opengl)


def test_rigid_check_accepts_deviations_below_its_tolerance():
    check_rigid("camera_to_world", rigid(turn("y", 1.0) * 1.0004, (5.0, 6.0, 7.0)))


def test_transposed_pose_is_rejected_with_a_hint():
    with pytest.raises(
        ValueError, match=r"`camera_to_world` must have the bottom row .* got \[1.0, 2.0, 3.0, 1.0\].*transpose"
    ):
        check_rigid("camera_to_world", rigid(turn("z", 0.3), (1.0, 2.0, 3.0)).T)


def test_scaled_pose_is_rejected_with_its_determinant():
    with pytest.raises(
        ValueError, match=r"`world_to_camera` must be rigid.*determinant 8 and a deviation of 3.*scale"
    ):
        check_rigid("world_to_camera", rigid(2.0 * torch.eye(3), (0.0, 0.0, 0.0)))


def test_mirrored_pose_is_rejected():
    with pytest.raises(ValueError, match=r"determinant -1 .*mirrored.*inverse"):
        check_rigid("camera_to_world", torch.diag(torch.tensor([1.0, 1.0, -1.0, 1.0])))


def test_sheared_pose_is_rejected_although_its_determinant_is_one():
    sheared = torch.eye(4)
    sheared[0, 1] = 0.01
    with pytest.raises(ValueError, match=r"determinant 1 and a deviation of 0\.01 from orthonormal \(limit 0\.001\)"):
        check_rigid("camera_to_world", sheared)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_lost_tracking_is_rejected(bad):
    pose = torch.eye(4)
    pose[0, 3] = bad
    with pytest.raises(ValueError, match=r"`camera_to_world` must be finite, got NaN or infinity"):
        check_rigid("camera_to_world", pose)


def test_three_by_four_pose_is_rejected():
    with pytest.raises(ValueError, match=r"`camera_to_world` must have shape \(4, 4\), got \(3, 4\)"):
        check_rigid("camera_to_world", torch.eye(4)[:3])


# --- up ---


@pytest.mark.parametrize("world_up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_named_axis_becomes_up(world_up):
    rotation = world_up_rotation(world_up)
    axis = torch.zeros(3)
    axis["xyz".index(world_up[1])] = 1.0 if world_up[0] == "+" else -1.0
    assert (rotation @ axis).tolist() == [0.0, 0.0, 1.0]
    check_rigid("rotation", rigid(rotation, (0.0, 0.0, 0.0)))


@pytest.mark.parametrize("world_up", ["+z", "unknown"])
def test_z_up_and_unknown_worlds_stay_as_they_are(world_up):
    assert torch.equal(world_up_rotation(world_up), torch.eye(3))


def test_unknown_axis_name_is_rejected():
    with pytest.raises(ValueError, match=r"`world_up` must be one of .*'unknown'\], got 'z'"):
        world_up_rotation("z")


def test_level_camera_looks_forward_along_y():
    assert (level_camera_rotation() @ torch.tensor([1.0, 2.0, 3.0])).tolist() == [1.0, 3.0, -2.0]


def test_gravity_of_a_level_camera_gives_the_level_rotation():
    torch.testing.assert_close(gravity_rotation(torch.tensor([0.0, 9.81, 0.0])), level_camera_rotation())


@properties
@given(st.floats(-1.4, 1.4), angles)
def test_gravity_undoes_pitch_and_roll(pitch, roll):
    level_to_camera = turn("z", roll) @ turn("x", pitch)  # of a level OpenCV camera
    rotation = gravity_rotation(level_to_camera @ torch.tensor([0.0, 1.0, 0.0]))
    optical_axis = rotation @ torch.tensor([0.0, 0.0, 1.0])
    check_rigid("rotation", rigid(rotation, (0.0, 0.0, 0.0)))
    torch.testing.assert_close(optical_axis[0], torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(optical_axis[1], torch.tensor(math.cos(pitch)), atol=1e-5, rtol=0)
    assert rotation @ level_to_camera @ torch.tensor([0.0, 1.0, 0.0]) @ torch.tensor([0.0, 0.0, -1.0]) > 1 - 1e-5


@pytest.mark.parametrize(
    ("gravity", "forward"), [((0, 0, 1), (0, -1, 0)), ((0, 0, -1), (0, 1, 0))], ids=["down", "up"]
)
def test_looking_straight_down_or_up_keeps_right_right(gravity, forward):
    rotation = gravity_rotation(torch.tensor(gravity, dtype=torch.float32))
    assert (rotation @ torch.tensor([1.0, 0.0, 0.0])).tolist() == [1.0, 0.0, 0.0]
    assert (rotation @ torch.tensor(forward, dtype=torch.float32)).tolist() == [0.0, 1.0, 0.0]
    assert (rotation @ torch.tensor(gravity, dtype=torch.float32)).tolist() == [0.0, 0.0, -1.0]


@pytest.mark.parametrize("bad", [[0.0, 0.0, 0.0], [float("nan"), 1.0, 0.0], [float("inf"), 0.0, 0.0]])
def test_gravity_without_a_direction_is_rejected(bad):
    with pytest.raises(ValueError, match=r"`gravity_camera` must be finite and not zero, got \["):
        gravity_rotation(torch.tensor(bad))


# --- intrinsics ---


def test_ninety_degrees_see_as_wide_as_twice_the_focal_length():
    assert intrinsics_from_fov(90.0, (480, 640)).tolist() == [
        [pytest.approx(320.0), 0.0, 319.5],
        [0.0, pytest.approx(320.0), 239.5],
        [0.0, 0.0, 1.0],
    ]


@pytest.mark.parametrize("bad", [0.0, 180.0, -60.0, float("nan")])
def test_impossible_field_of_view_is_rejected(bad):
    with pytest.raises(ValueError, match=rf"`horizontal_fov_deg` must lie between 0 and 180, got {bad}"):
        intrinsics_from_fov(bad, (480, 640))


def test_resizing_keeps_the_field_of_view():
    small, large = intrinsics_from_fov(70.0, (24, 32)), intrinsics_from_fov(70.0, (96, 128))
    torch.testing.assert_close(resize_intrinsics(small, (24, 32), (96, 128)), large)


def test_resizing_moves_each_axis_by_its_own_scale():
    intrinsics = torch.tensor([[100.0, 0.0, 31.5], [0.0, 110.0, 19.5], [0.0, 0.0, 1.0]])
    expected = torch.tensor([[200.0, 0.0, 63.5], [0.0, 55.0, 9.5], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(resize_intrinsics(intrinsics, (40, 64), (20, 128)), expected)


@properties
@given(st.floats(0, 63), st.floats(0, 39), st.integers(8, 200), st.integers(8, 200))
def test_resized_intrinsics_point_at_the_same_share_of_the_image(u, v, height, width):
    intrinsics = pinhole(80.0, (40, 64))
    resized = resize_intrinsics(intrinsics, (40, 64), (height, width))
    ray = torch.linalg.inv(intrinsics.double()) @ torch.tensor([u, v, 1.0], dtype=torch.float64)
    (new_u, new_v), _ = project_points(ray, resized)
    assert (float(new_u) + 0.5) / width == pytest.approx((u + 0.5) / 64, abs=1e-5)
    assert (float(new_v) + 0.5) / height == pytest.approx((v + 0.5) / 40, abs=1e-5)


def test_resizing_to_nothing_is_rejected():
    with pytest.raises(ValueError, match=r"must be positive, got \(4, 4\) and \(0, 4\)"):
        resize_intrinsics(pinhole(), (4, 4), (0, 4))


def test_cropped_view_unprojects_to_the_same_points():
    room = box_room(orbiting_cameras(1)[0])
    whole, _ = unproject_depth(room["depth"], room["intrinsics"])
    part, _ = unproject_depth(room["depth"][10:30, 7:50], crop_intrinsics(room["intrinsics"], left=7, top=10))
    torch.testing.assert_close(part, whole[10:30, 7:50], atol=METRES_ATOL, rtol=0)


# --- canonical frame ---


def canonical_frame_of_all_points(points, valid):
    """Reference twin: all points at once, one by one, in Python floats."""
    chosen = [
        tuple(point)
        for view_points, view_valid in zip(points, valid, strict=True)
        for point, keep in zip(view_points.reshape(-1, 3).tolist(), view_valid.flatten().tolist(), strict=True)
        if keep
    ]
    center = [math.fsum(point[axis] for point in chosen) / len(chosen) for axis in range(3)]
    distances = sorted(math.dist(point, center) for point in chosen)
    position = 0.98 * (len(distances) - 1)
    below = int(position)
    above = min(below + 1, len(distances) - 1)
    return center, distances[below] + (distances[above] - distances[below]) * (position - below)


def test_canonical_frame_equals_its_slow_twin():
    points, valid = room_points()
    center, scale = canonical_frame(points, valid)
    expected_center, expected_scale = canonical_frame_of_all_points(points, valid)
    torch.testing.assert_close(center, torch.tensor(expected_center), atol=1e-6, rtol=0)
    torch.testing.assert_close(scale, torch.tensor(expected_scale), atol=1e-6, rtol=0)


def test_points_of_a_sphere_have_its_centre_and_radius():
    directions = torch.nn.functional.normalize(torch.randn(500, 3), dim=-1)
    points = torch.tensor([1.0, 2.0, 3.0]) + 2.5 * torch.cat((directions, -directions))
    center, scale = canonical_frame([points], [torch.ones(1000, dtype=torch.bool)])
    torch.testing.assert_close(center, torch.tensor([1.0, 2.0, 3.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(scale, torch.tensor(2.5), atol=1e-5, rtol=0)


def test_one_percent_of_far_outliers_hardly_changes_the_scale():
    points = torch.zeros(1000, 3)
    points[:, 0] = torch.linspace(-1, 1, 1000)  # distances from the centre are even on [0, 1]
    everything = torch.ones(1000, dtype=torch.bool)
    torch.testing.assert_close(canonical_frame([points], [everything])[1], torch.tensor(0.98), atol=1e-3, rtol=0)
    points[495:500, 1], points[500:505, 1] = 500.0, -500.0
    torch.testing.assert_close(canonical_frame([points], [everything])[1], torch.tensor(0.99), atol=1e-2, rtol=0)


def test_invalid_points_take_no_part():
    points, valid = room_points(2)
    before = canonical_frame(points, valid)
    for view_points, view_valid in zip(points, valid, strict=True):
        view_points[~view_valid] = float("nan")
    assert all(torch.equal(a, b) for a, b in zip(before, canonical_frame(points, valid), strict=True))


@pytest.mark.parametrize("num_views", [0, 2])
def test_without_valid_points_the_frame_is_the_world(num_views):
    points = [torch.ones(4, 5, 3)] * num_views
    center, scale = canonical_frame(points, [torch.zeros(4, 5, dtype=torch.bool)] * num_views)
    assert center.tolist() == [0.0, 0.0, 0.0]
    assert scale.tolist() == 1.0


def test_a_single_point_has_the_smallest_scale():
    center, scale = canonical_frame([torch.tensor([[1.0, 2.0, 3.0]])], [torch.tensor([True])])
    assert center.tolist() == [1.0, 2.0, 3.0]
    assert scale.tolist() == pytest.approx(MIN_SCALE)


def test_view_order_does_not_change_one_bit():
    points, valid = room_points(5)
    sizes = [(48, 64), (30, 64), (48, 20), (7, 9), (48, 64)]
    points = [view[:h, :w] for view, (h, w) in zip(points, sizes, strict=True)]
    valid = [view[:h, :w] for view, (h, w) in zip(valid, sizes, strict=True)]
    center, scale = canonical_frame(points, valid)
    for order in ([4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):
        other_center, other_scale = canonical_frame([points[i] for i in order], [valid[i] for i in order])
        assert torch.equal(center, other_center)
        assert torch.equal(scale, other_scale)


@pytest.mark.parametrize("seed", range(4))
def test_view_order_does_not_change_one_bit_of_a_double(seed):
    generator = torch.Generator().manual_seed(seed)
    points = list(torch.randn(7, 10, 3, dtype=torch.float64, generator=generator))
    valid = [torch.ones(10, dtype=torch.bool)] * 7
    expected = canonical_frame(points, valid)
    for _ in range(10):
        shuffled = [points[index] for index in torch.randperm(7, generator=generator)]
        assert all(torch.equal(*pair) for pair in zip(canonical_frame(shuffled, valid), expected, strict=True))


@properties
@given(st.tuples(metres, metres, metres), st.floats(0.01, 50))
def test_canonical_points_ignore_translation_and_scale(shift, factor):
    points, valid = room_points(2)
    center, scale = canonical_frame(points, valid)
    moved = [(view * factor + torch.tensor(shift)) for view in points]
    moved_center, moved_scale = canonical_frame(moved, valid)
    assert float(moved_scale) == pytest.approx(factor * float(scale), rel=1e-3)
    before = to_canonical(points[0], valid[0], center, scale)
    after = to_canonical(moved[0], valid[0], moved_center, moved_scale)
    # Float32 at a shift of 20 m resolves 2e-6 m; the smallest room here is 2 cm, so 1e-4 of it.
    torch.testing.assert_close(after, before, atol=1e-3, rtol=0)


@properties
@given(angles, angles)
def test_canonical_points_turn_with_the_world_at_the_same_scale(first, second):
    rotation = turn("z", first) @ turn("y", second)
    points, valid = room_points(2)
    center, scale = canonical_frame(points, valid)
    turned = [view @ rotation.T for view in points]
    turned_center, turned_scale = canonical_frame(turned, valid)
    assert float(turned_scale) == pytest.approx(float(scale), rel=1e-5)
    torch.testing.assert_close(turned_center, rotation @ center, atol=1e-5, rtol=0)
    expected = to_canonical(points[1], valid[1], center, scale) @ rotation.T
    torch.testing.assert_close(
        to_canonical(turned[1], valid[1], turned_center, turned_scale), expected, atol=1e-5, rtol=0
    )


def test_sampled_scale_is_close_to_that_of_all_points():
    height, width = 1280, 1024  # a plain stride of 20 over this many pixels would see a quarter of the columns
    depth = 2.0 + torch.arange(width) / width + torch.arange(height)[:, None] / height
    points, valid = unproject_depth(depth, pinhole(900.0, (height, width)))
    assert valid.sum() > 10 * MAX_SAMPLED_POINTS
    center, scale = canonical_frame([points], [valid])
    distances = (points.reshape(-1, 3) - center).norm(dim=-1).numpy()
    expected = torch.from_numpy(distances).sort().values[int(0.98 * (len(distances) - 1))]
    # Measured 1.2e-3, the error of a sample of one point in twenty.
    torch.testing.assert_close(scale, expected, rtol=3e-3, atol=0)


@pytest.mark.parametrize("seed", range(4))
def test_mean_of_far_away_points_is_rounded_once(seed):
    points = 1000 + torch.rand(300_001, 3, generator=torch.Generator().manual_seed(seed))
    center, _ = canonical_frame([points], [torch.ones(len(points), dtype=torch.bool)])
    assert torch.equal(center, points.double().mean(dim=0).float())


def test_far_points_are_pulled_back_along_their_ray():
    points = torch.tensor([[0.0, 30.0, 40.0], [1.0, 0.0, 0.0]])
    canonical = to_canonical(points, torch.tensor([True, True]), torch.zeros(3), torch.tensor(2.0))
    torch.testing.assert_close(canonical, torch.tensor([[0.0, 0.9, 1.2], [0.5, 0.0, 0.0]]))
    assert canonical.norm(dim=-1).max() <= MAX_CANONICAL_NORM + 1e-6


@pytest.mark.parametrize("bad", [0.0, 5.0, float("nan"), float("inf")])
def test_invalid_canonical_points_are_exactly_zero(bad):
    canonical = to_canonical(torch.full((1, 3), bad), torch.tensor([False]), torch.ones(3), torch.tensor(2.0))
    assert canonical.tolist() == [[0.0, 0.0, 0.0]]


def test_canonical_points_leave_their_input_alone():
    points = torch.rand(4, 3)
    before = points.clone()
    to_canonical(points, torch.ones(4, dtype=torch.bool), torch.zeros(3), torch.tensor(0.1))
    assert torch.equal(points, before)


def test_masks_that_do_not_fit_the_points_are_rejected():
    with pytest.raises(ValueError, match=r"`valid` must have one mask per point map \(2\), got 1"):
        canonical_frame([torch.ones(4, 3)] * 2, [torch.ones(4, dtype=torch.bool)])
    with pytest.raises(ValueError, match=r"`points` must have shape \(5, 3\), got \(4, 3\)"):
        canonical_frame([torch.ones(4, 3)], [torch.ones(5, dtype=torch.bool)])
    with pytest.raises(ValueError, match=r"`points` must have shape \(5, 3\), got \(4, 3\)"):
        to_canonical(torch.ones(4, 3), torch.ones(5, dtype=torch.bool), torch.zeros(3), torch.tensor(1.0))


# --- tensor helpers ---


@pytest.mark.parametrize(
    ("expected", "shape"),
    [((4, 4), (4, 4)), (("*", 3), (3,)), (("*", 3), (2, 5, 3)), (("H", "W"), (7, 9)), (("*", "H", 3), (1, 3))],
)
def test_fitting_shapes_pass(expected, shape):
    check_shape("thing", torch.zeros(shape), expected)


@pytest.mark.parametrize(
    ("expected", "shape", "message"),
    [
        ((4, 4), (3, 4), r"`thing` must have shape \(4, 4\), got \(3, 4\)"),
        (("*", 3), (), r"must have shape \(\*, 3\), got \(\)"),
        (("H", "W"), (1, 7, 9), r"must have shape \(H, W\), got \(1, 7, 9\)"),
        ((3,), (4,), r"must have shape \(3,\), got \(4,\)"),
    ],
)
def test_other_shapes_are_rejected(expected, shape, message):
    with pytest.raises(ValueError, match=message):
        check_shape("thing", torch.zeros(shape), expected)


@pytest.mark.parametrize("width", [64, 100, 640])
def test_even_sample_sees_every_column_and_every_row(width):
    rows = torch.arange(100 * width)
    sample = sample_evenly(rows[:, None], 10 * width)[:, 0]
    assert len(sample) == 10 * width
    assert len(set((sample % width).tolist())) > 0.99 * width
    assert len(set((sample // width).tolist())) == 100


def test_small_sets_are_not_sampled():
    points = torch.rand(10, 3)
    assert sample_evenly(points, 10) is points


@properties
@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 100))
def test_selected_quantile_equals_the_sorted_one(count, share, seed):
    values = torch.rand(2, count, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(quantile(values, share), torch.quantile(values, share, dim=-1))


def test_valid_points_come_row_by_row():
    points = torch.arange(12.0).view(2, 2, 3)
    assert valid_points(points, torch.tensor([[False, True], [True, False]])).tolist() == [[3, 4, 5], [6, 7, 8]]
