# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of videos: every frame under its number in whatever order and container, upright, at its time."""

import multiprocessing
import pickle
import random

import numpy as np
import pytest

from transformers_sr3d.inputs import video_decoding
from transformers_sr3d.inputs.video import is_video, read_video


av = pytest.importorskip("av")
from video_files import (  # noqa: E402, needs the package
    CODECS,
    FRAME_MS,
    TIMES_MS,
    array_of,
    box,
    number_of,
    numbers,
    picture,
    remux,
    set_display_matrix,
    turn_by_matrix,
    write_clips,
    write_cover,
    write_video,
)


QUARTER_TURNS = [
    *((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)),
    *((-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)),
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def clip(clips, tmp_path):
    """A copy of the MP4 to change."""
    path = tmp_path / "clip.mp4"
    path.write_bytes((clips / "clip.mp4").read_bytes())
    return path


def count_starts(monkeypatch):
    starts = []
    go_before = video_decoding.VideoDecoder._go_before
    monkeypatch.setattr(
        video_decoding.VideoDecoder, "_go_before", lambda *args: (starts.append(args[1]), go_before(*args))[1]
    )
    return starts


@pytest.mark.parametrize("suffix", CODECS)
def test_every_frame_is_found_in_any_order(clips, suffix):
    source = read_video(clips / f"clip.{suffix}")
    assert source.kind == "video"
    assert [view.name for view in source.views] == [f"frame {index}" for index in range(24)]
    order = [*range(24), *random.Random(suffix).sample(range(24), 24), *reversed(range(24)), 3, 3]
    assert [number_of(source.views[index].load_image()) for index in order] == order
    wanted = [FRAME_MS * index for index in range(24)] if suffix == "avi" else TIMES_MS
    start_s = source.views[0].time_s
    assert start_s == pytest.approx(0, abs=0.5)  # a transport stream starts later
    assert [view.time_s - start_s for view in source.views] == pytest.approx(np.array(wanted) / 1000, abs=1e-3)


def test_all_codecs_show_the_same_picture(clips):
    for suffix in CODECS:
        image = read_video(clips / f"clip.{suffix}").views[13].load_image()
        assert (image.mode, image.size) == ("RGB", (64, 48))
        assert np.abs(array_of(image).astype(float) - picture(13)).mean() < 9, suffix


def test_streams_that_refresh_gradually_are_decoded_from_farther_back(tmp_path):
    """Their key frames are recovery points: what is decoded from there on is whole only after a while."""
    path = write_video(tmp_path / "clip.mkv", 40, options={"x264-params": "intra-refresh=1:keyint=12:bframes=0"})
    source = read_video(path)
    decoder = source.views[0].load_image.func.__self__
    assert len(decoder._keys) > 3
    expected = [array_of(view.load_image()) for view in source.views]
    for index in random.Random(1).sample(range(40), 20):
        assert np.array_equal(array_of(source.views[index].load_image()), expected[index]), index


def test_neighbours_are_decoded_in_one_run_and_far_frames_from_their_key_frame(clips, monkeypatch):
    source = read_video(clips / "clip.mp4")
    starts = count_starts(monkeypatch)
    assert numbers(source) == list(range(24))
    assert starts == []  # opening has decoded the first
    for index in (2, 20, 23, 22):
        source.views[index].load_image()
    assert len(starts) == 3  # 23 goes on from 20; 22 does not


def test_a_far_frame_costs_no_more_than_its_group(tmp_path, monkeypatch):
    advanced = []
    advance = video_decoding.VideoDecoder._advance
    monkeypatch.setattr(video_decoding.VideoDecoder, "_advance", lambda *args: (advanced.append(1), advance(*args))[1])
    for suffix in ("mp4", "mkv", "ts"):
        source = read_video(write_video(tmp_path / f"clip.{suffix}", 60))
        for index in (50, 12, 35):
            advanced.clear()
            assert number_of(source.views[index].load_image()) == index
            assert len(advanced) <= 12, suffix  # key frames are 6 apart; a search may land one group before


def test_two_thousand_frames_are_listed_without_decoding_them(tmp_path, monkeypatch):
    path = write_video(tmp_path / "long.mp4", 2000, codec="mpeg4", size_hw=(32, 64), gop=12)
    decoded = []
    upright = video_decoding.VideoDecoder._upright
    monkeypatch.setattr(video_decoding.VideoDecoder, "_upright", lambda *args: (decoded.append(1), upright(*args))[1])
    source = read_video(path)
    assert (len(source.views), len(decoded)) == (2000, 1)
    assert number_of(source.views[1999].load_image()) == 1999 % 256
    assert len(decoded) == 2


@pytest.mark.parametrize(
    ("wanted", "expected"), [(1, [0]), (4, [0, 7, 15, 23]), (24, [*range(24)]), (99, [*range(24)])]
)
def test_some_frames_are_those_of_uniform_steps(clips, wanted, expected):
    source = read_video(clips / "clip.mp4", num_frames=wanted)
    assert numbers(source) == expected
    assert [view.name for view in source.views] == [f"frame {index}" for index in expected]
    assert [view.time_s for view in source.views] == pytest.approx([TIMES_MS[index] / 1000 for index in expected])


@pytest.mark.parametrize("turn", QUARTER_TURNS)
def test_frames_are_turned_as_the_display_matrix_says(clip, turn):
    set_display_matrix(clip, *turn)
    source = read_video(clip, horizontal_fov_deg=60.0)
    expected = turn_by_matrix(picture(5), *turn)
    image = source.views[5].load_image()
    assert np.abs(array_of(image).astype(float) - expected).mean() < 9
    width, height = image.size
    focal_px = width / 2 / np.tan(np.deg2rad(30.0))
    assert source.views[5].intrinsics == pytest.approx(
        np.array([[focal_px, 0, (width - 1) / 2], [0, focal_px, (height - 1) / 2], [0, 0, 1]])
    )


def test_a_phone_held_upright_gives_upright_frames(clip):
    """Such a phone stores (a, b, c, d) = (0, 1, -1, 0): its stored left edge is the top."""
    image = read_video(set_display_matrix(clip, 0, 1, -1, 0)).views[0].load_image()
    assert image.size == (48, 64)
    assert np.abs(array_of(image).astype(float) - np.rot90(picture(0), -1)).mean() < 9


def test_without_a_field_of_view_there_are_no_intrinsics(clips):
    arguments = read_video(clips / "clip.mp4", num_frames=3).arguments()
    assert list(arguments) == ["images"]


def test_hdr_is_said(tmp_path, clips):
    path = write_video(tmp_path / "hdr.mp4", 2, context={"color_trc": 18})
    assert "Colours are HDR (HLG) and shown without tone mapping." in read_video(path).conventions
    assert not any("HDR" in sentence for sentence in read_video(clips / "clip.mp4").conventions)


def test_loaders_work_after_pickling(clips):
    source = read_video(clips / "clip.mp4")
    source.views[3].load_image()
    again = pickle.loads(pickle.dumps(source))
    assert [number_of(again.views[index].load_image()) for index in (9, 4)] == [9, 4]


def load_and_send(source, results):
    results.put([number_of(source.views[index].load_image()) for index in (4, 20, 11)])


def test_a_process_that_is_forked_reads_on_its_own(clips):
    """It inherits an open file whose place is shared, and a decoder whose threads are not there."""
    source = read_video(clips / "clip.mp4")
    source.views[3].load_image()
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    children = [context.Process(target=load_and_send, args=(source, results)) for _ in range(2)]
    for child in children:
        child.start()
    try:
        assert [results.get(timeout=60) for _ in children] == [[4, 20, 11]] * 2
    finally:
        for child in children:
            child.kill()
    assert number_of(source.views[4].load_image()) == 4


def test_frames_cut_away_by_an_edit_list_are_no_views(clip):
    """A trimmed clip starts between two key frames; what is before is stored for decoding only."""
    data = bytearray(clip.read_bytes())
    start, end = box(data, b"moov", b"trak", b"edts", b"elst")
    assert (end - start, data[start + 15]) == (28, 1)  # version 0, one entry: duration, media time, rate
    timescale = int.from_bytes(
        data[(place := box(data, b"moov", b"trak", b"mdia", b"mdhd")[0]) + 20 : place + 24], "big"
    )
    media_time = int.from_bytes(data[start + 20 : start + 24], "big") + timescale * TIMES_MS[9] // 1000
    data[start + 20 : start + 24] = media_time.to_bytes(4, "big")
    clip.write_bytes(data)
    source = read_video(clip)
    assert numbers(source) == list(range(9, 24))
    assert [number_of(source.views[index].load_image()) for index in (14, 0, 2, 8)] == [23, 9, 11, 17]
    assert source.views[0].time_s == pytest.approx(0.0, abs=1e-3)


def test_frames_before_the_first_key_frame_are_left_out_and_counted(clips, tmp_path):
    path = remux(clips / "clip.ts", tmp_path / "cut.ts", change=lambda number, packet: packet if number else None)
    source = read_video(path)
    assert source.left_out == {"undecodable frame 0": "before the first key frame, so that nothing can decode it"}
    assert numbers(source) == list(range(2, 24))


def test_a_cover_is_no_video(tmp_path):
    assert numbers(read_video(write_cover(tmp_path / "song.mp4"))) == list(range(6))


def test_a_video_is_known_by_its_suffix(tmp_path, clips):
    assert is_video(clips / "clip.mp4")
    assert not is_video(clips)
    assert not is_video(tmp_path / "none.mp4")
    for name, expected in (("A.MOV", True), ("a.mts", True), ("a.jpg", False), ("a.sens", False), ("mp4", False)):
        (tmp_path / name).write_bytes(b"")
        assert is_video(tmp_path / name) == expected
    (tmp_path / "folder.mp4").mkdir()
    assert not is_video(tmp_path / "folder.mp4")
