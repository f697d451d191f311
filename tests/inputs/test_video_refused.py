# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader of videos: what is broken, protected, ambiguous or too large is refused by name, and nothing else."""

import sys
import uuid

import pytest
from PIL import Image

from transformers_sr3d.inputs import video, video_decoding
from transformers_sr3d.inputs.video import read_video


av = pytest.importorskip("av")
from av.stream import Disposition  # noqa: E402, needs the package
from video_files import (  # noqa: E402, needs the package
    CODECS,
    FASTSTART,
    FRAME_MS,
    box,
    insert_into_track,
    number_of,
    numbers,
    remux,
    set_display_matrix,
    write_clips,
    write_sound,
    write_video,
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def clip(clips, tmp_path):
    """A copy of the MP4 to change."""
    path = tmp_path / "clip.mp4"
    path.write_bytes((clips / "clip.mp4").read_bytes())
    return path


def test_which_of_several_videos_is_meant_must_be_marked(tmp_path, clips):
    none, default = Disposition(0), Disposition.default
    source = read_video(remux(clips / "clip.mp4", tmp_path / "two.mkv", flags=[none, default]))
    assert (
        source.conventions[0]
        == "Frames are those of the video (h264, stream 1 of 2), turned as its display matrix says."
    )
    assert numbers(source) == list(range(24))
    for flags in ([none, none], [default, default]):
        path = remux(clips / "clip.mp4", tmp_path / "which.mkv", flags=flags)
        with pytest.raises(ValueError, match=r"which\.mkv` must have one video stream or .* with [02] marked"):
            read_video(path)


def test_the_package_is_needed_and_named(clips, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"`av` \(PyAV\) is needed .* pip install 'transformers-sr3d\[inputs\]'"):
        read_video(clips / "clip.mp4")


@pytest.mark.parametrize("suffix", ["mp4", "webm", "mkv", "avi"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_a_truncated_file_is_refused_with_both_sizes(tmp_path, clips, suffix, share):
    settings = {**CODECS[suffix], **(FASTSTART if suffix == "mp4" else {})}
    data = write_video(tmp_path / f"clip.{suffix}", 6, **settings).read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(data[: int(share * len(data))])
    whole = r"\d+" if suffix == "mp4" else len(data)  # an MP4 file tells where the box ends that was cut
    sizes = rf"at least {whole} bytes, .* got {len(path.read_bytes())} bytes"
    with pytest.raises(ValueError, match=rf"cut\.{suffix}` must be a complete video file of {sizes}"):
        read_video(path)


def test_a_file_whose_tables_are_missing_is_refused(clip):
    data = clip.read_bytes()
    clip.write_bytes(data[: box(data, b"moov")[0]])
    with pytest.raises(ValueError, match=r"clip\.mp4` must be video that FFmpeg decodes, got"):
        read_video(clip)


def test_what_stands_behind_a_video_does_no_harm(clip):
    clip.write_bytes(clip.read_bytes() + b"TRAILERTRAILER")
    assert len(read_video(clip).views) == 24


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"bad\.mp4` must be a video file, got 0 bytes"),
        (b"hello world, I am no video", r"bad\.mp4` must be video that FFmpeg decodes, got .* Invalid data"),
        (b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", r"bad\.mp4` must be video that FFmpeg decodes"),
        (b"ffconcat version 1.0\nfile clip.mp4\n", r"bad\.mp4` must be video that FFmpeg decodes"),
        (b"\x1a\x45\xdf\xa3", r"bad\.mp4` must be video that FFmpeg decodes"),
        (b"RIFF\x04\0\0\0AVI ", r"bad\.mp4` must be video that FFmpeg decodes"),
    ],
)
def test_what_is_no_video_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_video(tmp_path / "bad.mp4")


def test_a_raw_stream_has_no_time_stamps_and_is_refused(tmp_path):
    path = write_video(tmp_path / "raw.ts", 6, format="h264")
    with pytest.raises(ValueError, match=r"raw\.ts` must be video that FFmpeg decodes"):
        read_video(path)


def test_missing_files_and_bad_options_are_refused(tmp_path, clips):
    with pytest.raises(FileNotFoundError, match=r"none\.mp4` must be a video file, got no file there"):
        read_video(tmp_path / "none.mp4")
    with pytest.raises(ValueError, match=r"`num_frames` must be at least 1, got 0"):
        read_video(clips / "clip.mp4", num_frames=0)
    for degrees in (1.1, 180.0, float("nan")):
        with pytest.raises(
            ValueError, match=rf"`horizontal_fov_deg` must be degrees between 5 and 170, got {degrees}"
        ):
            read_video(clips / "clip.mp4", horizontal_fov_deg=degrees)


def test_sound_alone_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"sound\.mkv` must have a video stream, got audio stream 0"):
        read_video(write_sound(tmp_path / "sound.mkv"))


def test_a_protected_video_is_refused(tmp_path):
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    path = write_video(tmp_path / "film.mp4", 6, container=key)
    with pytest.raises(ValueError, match=r"film\.mp4` must not be encrypted, got a protected video stream"):
        read_video(path)


def test_a_video_without_frames_is_refused(tmp_path, clips):
    for name in ("none.mkv", "none.mp4"):
        path = remux(clips / "clip.mp4", tmp_path / name, change=lambda number, packet: None)
        with pytest.raises(ValueError, match=rf"{name}` must (have|be) .* got"):
            read_video(path)
    path = remux(
        clips / "clip.webm",
        tmp_path / "keyless.mkv",
        change=lambda number, packet: None if packet.is_keyframe else packet,
    )
    with pytest.raises(ValueError, match=r"keyless\.mkv` must have at least one frame that can be decoded, got"):
        read_video(path)


def test_a_picture_of_gigantic_size_is_refused_before_it_is_decoded(tmp_path, clips):
    data = bytearray((clips / "clip.avi").read_bytes())
    starts = [place for place in range(len(data)) if data[place : place + 4] == b"\xff\xc0\x00\x11"]
    assert len(starts) == 24
    for place in starts:  # the JPEG header of each frame: height and width
        data[place + 5 : place + 9] = (60000).to_bytes(2, "big") * 2
    (tmp_path / "huge.avi").write_bytes(data)
    with pytest.raises(ValueError, match=r"huge\.avi"):
        read_video(tmp_path / "huge.avi")
    place = data.index(b"strf") + 12
    for side, message in (
        (60000, "1 to 64000000 pixels, got a size that FFmpeg cannot tell"),
        (9000, "81000000|larger"),
    ):
        data[place : place + 8] = side.to_bytes(4, "little") * 2  # and the header of the stream
        (tmp_path / "huge.avi").write_bytes(data)
        with pytest.raises(ValueError, match=rf"huge\.avi` .*({message})"):
            read_video(tmp_path / "huge.avi")


def test_pixels_that_are_not_square_are_refused(tmp_path):
    path = write_video(tmp_path / "dv.mp4", 6, options={"x264-params": "sar=16/15"})
    with pytest.raises(ValueError, match=r"dv\.mp4` must have square pixels, got pixels of width to height 16/15"):
        read_video(path)


def test_an_odd_turn_is_refused(clip):
    set_display_matrix(clip, 0.707, 0.707, -0.707, 0.707)
    with pytest.raises(ValueError, match=r"clip\.mp4 frame 0 .* must be turned by quarter turns, got .*0\.70"):
        read_video(clip)


def test_a_spherical_video_is_refused(tmp_path):
    xml = (
        b'<?xml version="1.0"?><rdf:SphericalVideo xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
        b"<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>"
        b"<GSpherical:StitchingSoftware>none</GSpherical:StitchingSoftware>"
        b"<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
    )
    payload = uuid.UUID("ffcc8263-f855-4a93-8814-587a02521fdd").bytes + xml
    payload = (8 + len(payload)).to_bytes(4, "big") + b"uuid" + payload
    path = insert_into_track(write_video(tmp_path / "all_round.mp4", 6), payload)
    with pytest.raises(ValueError, match=r"all_round\.mp4 frame 0 .* must be a plain picture, got .* spherical"):
        read_video(path)


def test_frames_of_unknown_times_are_refused(tmp_path, clips):
    path = write_video(tmp_path / "b.avi", 12, codec="mpeg4", options={"bf": "2"})
    with pytest.raises(
        ValueError, match=r"b\.avi` must tell when each frame is shown, got an AVI file with frames out"
    ):
        read_video(path)

    def repeat(number, packet):
        packet.pts = packet.dts = 40 * (number - number % 2)
        return packet

    path = remux(clips / "clip.webm", tmp_path / "twice.mkv", change=repeat)
    with pytest.raises(
        ValueError, match=r"twice\.mkv` must show every frame at a time of its own, got 12 times for 24"
    ):
        read_video(path)


def test_damage_is_refused_in_the_frames_that_build_on_it_and_not_in_others(clips, tmp_path):
    path = write_video(tmp_path / "clip.mp4", options={"x264-params": "bframes=0:scenecut=0:keyint=6"})
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    place, size = places[8]
    data[place + 8 : place + size] = b"\xff" * (size - 8)
    path.write_bytes(data)
    source = read_video(path)
    for order in (range(24), reversed(range(24))):
        for index in order:
            if index in (8, 9, 10, 11):
                at = rf"clip\.mp4 frame {index} at {index * FRAME_MS / 1000:.3f} s`"
                with pytest.raises(ValueError, match=at):
                    source.views[index].load_image()
            else:
                assert number_of(source.views[index].load_image()) == index


def test_a_missing_packet_is_noticed(clips, tmp_path):
    """Decoders go on without it, and what follows is drawn over the wrong picture."""
    path = remux(clips / "clip.webm", tmp_path / "gap.mkv", change=lambda number, packet: packet)
    source = read_video(path)
    decoder = source.views[0].load_image.func.__self__
    decoder.times = (*decoder.times[:10], decoder.times[10] - 1, *decoder.times[10:])  # as if one more had been listed
    with pytest.raises(ValueError, match=r"gap\.mkv frame 10 .* must decode without error from its key frame on"):
        source.views[10].load_image()
    with pytest.raises(ValueError, match=r"gap\.mkv frame 12 .* must decode without error"):
        decoder.picture(12)
    assert number_of(decoder.picture(13)) == 12


def test_a_change_of_size_is_refused(tmp_path):
    first = write_video(tmp_path / "a.ts", 12)
    second = write_video(tmp_path / "b.ts", 12, size_hw=(96, 128), times_ms=[FRAME_MS * i for i in range(30, 42)])
    path = tmp_path / "both.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    source = read_video(path)
    assert number_of(source.views[5].load_image()) == 5
    with pytest.raises(ValueError, match=r"both\.ts frame 1\d .* must have the size and orientation of the first"):
        source.views[18].load_image()


def test_too_many_frames_are_refused(clips, monkeypatch):
    monkeypatch.setattr(video, "MAX_VIEWS", 20)
    with pytest.raises(ValueError, match=r"`num_frames` must be given for a video of more than 20 frames, got 24"):
        read_video(clips / "clip.mp4")
    assert len(read_video(clips / "clip.mp4", num_frames=20).views) == 20
    monkeypatch.setattr(video_decoding, "MAX_FRAMES", 10)
    with pytest.raises(ValueError, match=r"clip\.mp4` may have at most 10 frames, got more"):
        read_video(clips / "clip.mp4")


def test_names_that_look_like_addresses_are_files(tmp_path, clips, monkeypatch):
    (tmp_path / "concat:a|b.mp4").write_bytes((clips / "clip.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert isinstance(read_video("concat:a|b.mp4").views[0].load_image(), Image.Image)
