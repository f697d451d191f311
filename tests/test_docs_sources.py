# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The pages about own data say what is so: their commands run on small sources, and each reader has all its options.

A page is about sources that its commands name. Here each of these is written by hand, in the format of its kind, under
the name that the page gives it.
"""

import inspect
import re
import shlex
import sys
from pathlib import Path

import pytest

from transformers_sr3d.cli.main import build_parser, main
from transformers_sr3d.cli.reader_options import flag_of
from transformers_sr3d.inputs.open_source import READERS
from transformers_sr3d.inputs.scene import read_scene


ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "own_data.md"
PAGES = {page.stem: page for page in (GUIDE, *sorted((ROOT / "docs" / "sources").glob("*.md")))}
FENCE = re.compile(r"^```bash\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
OPTION_ROW = re.compile(r"^\| `(--[a-z0-9-]+)` \|.*\| ([^|]*) \|$", re.MULTILINE)
# The others need a checkpoint, or are tested where they belong; here their options are read.
VERBS_THAT_RUN = ("scene", "doctor")
DEPTH_MODEL = "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf"
# The sources of each page -> their samples.
NAMED = {
    "own_data": {
        "scan.r3d": "record3d",
        "polycam_scan": "polycam",
        "scan": "images",
        "clip.mp4": "corner_clip",
        "photos": "photos",
    },
    "scene": {"room": "scene"},
    "images": {"scan": "images"},
    "video": {"clip.mp4": "video"},
    "tum": {"rgbd_dataset_freiburg1_desk": "full_size_tum", "my_recording": "full_size_tum"},
    "scannet": {"scene0000_00": "scannet"},
    "scannet_sens": {"scene0000_00.sens": "scannet_sens"},
    "scannetpp": {"0a76e06478": "scannetpp"},
    "arkitscenes": {"41069021": "arkitscenes"},
    "embodiedscan": {"data/embodiedscan_infos_val.pkl": "embodiedscan"},
    "record3d": {"scan.r3d": "record3d"},
    "polycam": {"scan": "polycam"},
    "transforms_json": {"scan": "transforms_json"},
    "colmap": {"room": "colmap"},
}
# Samples that are not called like their kind.
KINDS = {"photos": "images", "full_size_tum": "tum", "corner_clip": "video"}


def commands_of(text: str) -> list[list[str]]:
    """Return the words behind `sr3d` of each command in a ```bash block."""
    lines = "".join(FENCE.findall(text)).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["sr3d"]]


def write_photos(folder):
    from depth_models import picture

    (folder / "photos").mkdir()
    picture().save(folder / "photos" / "one.jpg")
    return folder / "photos"


def write_full_size_tum(folder):
    """Of the size that the cameras of the benchmark were calibrated at."""
    from known_source import known_views
    from test_tum import write_tum

    return write_tum(folder / "recording", known_views(2, size_hw=(480, 640)))


def write_corner_clip(folder):
    """With the texture and the steps that structure from motion needs."""
    import av
    from textured_corner import SIZE_HW, poses_of, render

    with av.open(str(folder / "corner.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"threads": "1", "crf": "12"})
        (stream.height, stream.width), stream.pix_fmt = SIZE_HW, "yuv420p"
        for pose in poses_of(6):
            container.mux(stream.encode(av.VideoFrame.from_image(render(pose)[0])))
        container.mux(stream.encode())
    return folder / "corner.mp4"


def write_source(folder, name, sample):
    from reader_samples import SAMPLES

    own = {"photos": write_photos, "full_size_tum": write_full_size_tum, "corner_clip": write_corner_clip}
    (folder / name).parent.mkdir(exist_ok=True)
    written = (own[sample] if sample in own else SAMPLES[sample].write)((folder / name).parent)
    written.rename(folder / name)


@pytest.fixture
def cwd(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "tests" / "inputs"), *sys.path])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run_on_what_they_name(page, cwd, capsys):
    for name, sample in NAMED[page].items():
        write_source(cwd, name, sample)
    commands = commands_of(PAGES[page].read_text(encoding="utf-8"))
    if any(DEPTH_MODEL in command for command in commands):
        from depth_models import save_depth_anything

        save_depth_anything(cwd / DEPTH_MODEL, "metric")
    parsed = [build_parser().parse_args(command) for command in commands]
    for command, args in zip(commands, parsed, strict=True):
        if args.verb in VERBS_THAT_RUN:
            assert main(["--traceback", *command]) == 0, command
            check_printed(capsys.readouterr().out, args, NAMED[page])
    scene = {(args.action, args.source) for args in parsed if args.verb == "scene"}
    assert {action for action, _ in scene} == {"info", "import"}
    assert {source for _, source in scene} == set(NAMED[page])


def check_printed(printed, args, named):
    """The source is of the kind that the page is about, and an import leaves a scene."""
    if args.verb == "scene":
        sample = named[args.source]
        assert re.search(rf"kind {KINDS.get(sample, sample)}\b", printed), printed
    if args.verb == "scene" and args.action == "import":
        assert read_scene(Path(args.out))["views"]


def test_every_reader_has_a_page_that_the_guide_names():
    assert set(PAGES) - {GUIDE.stem} == set(READERS)
    guide = GUIDE.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[(\w+)\]\(sources/\1\.md\)", guide, re.MULTILINE)) == sorted(READERS)
    for kind in READERS:
        assert PAGES[kind].read_text(encoding="utf-8").splitlines()[0].endswith(f"(`{kind}`)")


@pytest.mark.parametrize("kind", READERS)
def test_a_page_has_every_option_of_its_reader_with_its_default(kind):
    rows = dict(OPTION_ROW.findall(PAGES[kind].read_text(encoding="utf-8")))
    parameters = inspect.signature(READERS[kind].read).parameters.values()
    options = {flag_of(one.name): one.default for one in parameters if one.name != "path"}
    assert sorted(rows) == sorted(options)
    for flag, default in options.items():
        if default is not None:
            assert rows[flag].split()[0] == word_of(default), f"{kind} {flag}"


def word_of(default) -> str:
    """What the table says of a default."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"`{default:g}`" if isinstance(default, int | float) else f"`{default}`"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_headings_of_files(page):
    for link in re.findall(r"\]\(([^):]+)\)", PAGES[page].read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        file = PAGES[page].parent / name if name else PAGES[page]
        assert file.is_file(), link
        assert not anchor or anchor in anchors_of(file.read_text(encoding="utf-8")), link


def anchors_of(text: str) -> set[str]:
    """Name the headings of a page as GitHub does."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_commands_are_found_with_continued_lines_and_without_remarks():
    text = (
        "```bash\nls\nsr3d scene info a  # look\nsr3d view a \\\n    --out b\n```\n\n```text\nsr3d scene info c\n```\n"
    )
    assert commands_of(text) == [["scene", "info", "a"], ["view", "a", "--out", "b"]]
