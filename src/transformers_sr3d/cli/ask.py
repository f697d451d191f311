# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d ask [SOURCE] QUESTION --model DIR ...`: one question about views and regions -> the answer on standard output.

The views are those of a source that any reader knows, with the options of its reader, or they are named one by one:
then the arguments are those of the pipeline's sample, one option each. Files are never guessed. A camera file may
state `depth_unit` and `camera_axes` beside its intrinsics: where there is depth or a pose to read they fill in options
that were left out, and contradictions are refused, as are images of another size than its `image_size_hw`. Notes of
known names are passed over, and any other key is refused, because nothing would come of it.
"""

import argparse
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any, cast

from transformers_sr3d.cli.reader_options import EPILOG, add_reader_options, flag_of, reader_options


REGION_FORMS = "box=LEFT,TOP,RIGHT,BOTTOM@VIEW, mask=FILE@VIEW, point=X,Y@VIEW or box3d=CX,CY,CZ,SX,SY,SZ"
NUMBERS_PER_KIND = {"box": 4, "point": 2, "box3d": 6}
IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
# Options of the command line -> keys of the sample, where both hold the same value.
PLAIN_OPTIONS = {
    "depth_unit": "depth_unit",
    "depth_scale": "depth_scale",
    "depth_kind": "depth_kind",
    "depth_field_of_view": "depth_field_of_view",
    "horizontal_fov": "horizontal_fov_deg",
    "camera_axes": "camera_axes",
    "world_up": "world_up",
}
# Keys of a camera file: what is used, and what only informs.
CAMERA_KEYS = ("intrinsics", "depth_unit", "camera_axes", "image_size_hw")
CAMERA_NOTES = ("source", "license", "note", "intrinsics_note", "depth_invalid")
# Options that a source has no use for: it states all that, and its reader knows it.
VIEW_OPTIONS = ("image", "depth", "depth_kind", "depth_intrinsics", "camera_to_world", "world_to_camera", "gravity")
# Options that have one flag for both: named here -> named by readers. `--intrinsics` and `--scene` are read apart.
SHARED_OPTIONS = {name: key for name, key in PLAIN_OPTIONS.items() if name not in VIEW_OPTIONS}

_REGION = re.compile(r"(?:(?P<number>\d+):)?(?P<kind>box3d|box|mask|point)=(?P<value>.+?)(?:@(?P<view>\d+))?")


def add_parser(subparsers: Any) -> None:
    """Add the verb `ask`.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Where the parsers of all verbs are collected.
    """
    parser = subparsers.add_parser(
        "ask",
        help="ask a question about regions of images or of a scene",
        description="Ask one question. Regions are <region0>, <region1>, ... in the order of --region.",
        usage="%(prog)s [-h] [SOURCE] QUESTION --model MODEL [option ...]",
        epilog=EPILOG,
    )
    parser.add_argument(
        "question",
        nargs="+",
        metavar="QUESTION",
        help='for example "How wide is <region0>?"; in front of it SOURCE, the folder or file that it is about: a '
        "scene, a scan, a reconstruction, a video or a folder of images, if it is not about --image",
    )
    parser.add_argument("--model", required=True, help="checkpoint folder or Hub repository")
    _add_inputs(parser)
    _add_cameras(parser)
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="KIND=VALUE@VIEW",
        help=f"{REGION_FORMS}; the same thing in several views: 0:box=...@0 0:box=...@1 (repeatable)",
    )
    parser.add_argument("--option", action="append", default=[], help="one answer to choose from (repeatable)")
    parser.add_argument("--max-new-tokens", type=int, help="longest answer, in tokens (default: 64)")
    parser.add_argument("--device", help='for example "cpu" or "cuda:0" (default: an accelerator if there is one)')
    parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask and print.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If an option is refused.
        OSError: If a file is missing.
    """
    with warnings.catch_warnings(record=True) as said_by_source:
        warnings.simplefilter("always", UserWarning)
        sample = build_sample(args)
    _check_model(args.model)

    from transformers.utils import logging

    from transformers_sr3d.hub import spatial_vqa_pipeline

    logging.disable_progress_bar()  # standard error is for warnings
    settings = {"max_new_tokens": args.max_new_tokens, "device": args.device}
    vqa = spatial_vqa_pipeline(args.model, **{key: value for key, value in settings.items() if value is not None})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        answer = cast(dict, vqa(sample))  # one sample has one answer
    told = answer["provenance"]["warnings"]
    told += [
        str(entry.message)
        for entry in (*said_by_source, *caught)
        if entry.category is UserWarning and str(entry.message) not in told
    ]
    if args.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return 0
    print(answer["generated_text"])
    for line in _summary(answer):
        print(line)
    for message in told:
        print(f"sr3d ask: warning: {message}", file=sys.stderr)
    return 0


def build_sample(args: argparse.Namespace) -> dict:
    """Turn the command line into one sample of the pipeline.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `dict`: Keys of `SpatialVQAPipeline`; files of images and depth stay paths.

    Raises:
        ValueError: If options contradict each other or cannot be read.
        OSError: If a file is missing.
    """
    *sources, question = args.question
    if len(sources) > 1:
        raise ValueError(f"`QUESTION` must be one text, after at most one SOURCE, got {args.question}. Quote it.")
    if sources:
        views = _from_source(args, sources[0], args.scene)
    else:
        views = _from_source(args, args.scene, None) if args.scene else _from_files(args)
    sample = {"text": question} | views
    if args.region:
        sample["regions"] = [parse_region(text) for text in args.region]
    if args.option:
        sample["options"] = args.option
    return sample


def parse_region(text: str) -> dict:
    """Read one `--region`.

    Args:
        text (`str`):
            `box=135,154,284,203@0` (pixel edges), `mask=FILE@0`, `point=x,y@0` or `box3d=cx,cy,cz,sx,sy,sz` (world,
            metres), each with an optional `NUMBER:` in front. The view may be left out where there is only one.

    Returns:
        `dict`: A region as the processor reads it.

    Raises:
        ValueError: If the text has another form.
        FileNotFoundError: If the mask file is missing.
    """
    match = _REGION.fullmatch(text)
    if match is None:
        raise ValueError(f"`--region` must be {REGION_FORMS}, got {text!r}. Write for example box=135,154,284,203@0.")
    kind, value = match["kind"], match["value"]
    region: dict[str, Any] = {} if match["number"] is None else {"region": int(match["number"])}
    if kind == "box3d":
        if match["view"] is not None:
            raise ValueError(f"`--region box3d` is a box of the world and has no view, got {text!r}. Drop the @VIEW.")
        numbers = _numbers(value, 6, "--region box3d")
        return region | {"box_3d": {"center": numbers[:3], "size": numbers[3:], "rotation": IDENTITY}}
    if match["view"] is not None:
        region["view"] = int(match["view"])
    if kind == "mask":
        _check_file(value)
        return region | {"mask": value}
    numbers = _numbers(value, NUMBERS_PER_KIND[kind], f"--region {kind}")
    return region | {"box_xyxy" if kind == "box" else "point_xy": numbers}


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", action="append", default=[], metavar="FILE", help="one view (repeatable)")
    parser.add_argument(
        "--depth",
        action="append",
        default=[],
        metavar="FILE",
        help='depth of one view, in the order of --image; "none" for a view without depth (repeatable)',
    )
    parser.add_argument("--depth-unit", choices=("mm", "cm", "m"), help="unit of integer depth")
    parser.add_argument("--depth-scale", type=float, help="metres per unit of the depth file")
    parser.add_argument("--depth-kind", choices=("metric", "relative", "disparity"), help="default: metric")
    parser.add_argument(
        "--scene", metavar="SOURCE|NAME", help="the SOURCE itself, or which scene of a SOURCE that holds several"
    )
    add_reader_options(parser, without=(*SHARED_OPTIONS.values(), "intrinsics", "scene"))


def _add_cameras(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--intrinsics", metavar="FILE", help="JSON with fx, fy, cx, cy or a 3x3 matrix, or the text fx,fy,cx,cy"
    )
    parser.add_argument("--depth-intrinsics", metavar="FILE", help="the same for depth of another size than its image")
    parser.add_argument("--depth-field-of-view", choices=("same",), help="depth shows what its image shows")
    parser.add_argument("--horizontal-fov", type=float, metavar="DEGREES", help="instead of --intrinsics")
    poses = parser.add_mutually_exclusive_group()
    poses.add_argument("--camera-to-world", metavar="FILE", help="JSON with one 4x4 matrix per view")
    poses.add_argument("--world-to-camera", metavar="FILE", help="JSON with one 4x4 matrix per view")
    parser.add_argument("--camera-axes", choices=("opencv", "opengl"), help="default: opencv")
    parser.add_argument(
        "--world-up", choices=("+x", "-x", "+y", "-y", "+z", "-z", "unknown"), help="axis of the world that points up"
    )
    parser.add_argument("--gravity", metavar="X,Y,Z", help="direction of gravity in the camera frame, one view only")


def _from_source(args: argparse.Namespace, path: str, scene: str | None) -> dict:
    values = vars(args)
    for name in VIEW_OPTIONS:
        if values[name]:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"`{option}` cannot go with a SOURCE, got both. The source itself states it; drop one.")

    from transformers_sr3d.inputs import scene_folder
    from transformers_sr3d.inputs.open_source import open_source
    from transformers_sr3d.pipeline_samples_sr3d import ESTIMATED_DEPTH, MAX_SCENE_VIEWS

    options = {key: values[name] for name, key in SHARED_OPTIONS.items()} | {"scene": scene} | reader_options(args)
    if args.intrinsics:
        options["intrinsics"] = _four_numbers(args.intrinsics)
    source = open_source(path, args.kind, **options)
    if len(source.views) > MAX_SCENE_VIEWS and source.kind != scene_folder.KIND:
        raise ValueError(
            f"`SOURCE` must have at most {MAX_SCENE_VIEWS} views, got {len(source.views)} in {path}. Choose some and "
            f"ask about them: sr3d scene import {path} --out DIR --views {MAX_SCENE_VIEWS}"
        )
    if source.depth_is_estimated:
        warnings.warn(ESTIMATED_DEPTH, stacklevel=2)
    return source.arguments()


def _from_files(args: argparse.Namespace) -> dict:
    if not args.image:
        raise ValueError(
            "`--image` is missing, got no view at all. Pass --image FILE for every view, or SOURCE and the question."
        )
    for name in [*(["kind"] if args.kind else []), *reader_options(args)]:
        raise ValueError(f"`{flag_of(name)}` goes with a SOURCE only, got it with --image. Drop one of them.")
    for file in (*args.image, *(depth for depth in args.depth if depth != "none")):
        _check_file(file)
    sample: dict[str, Any] = {"images": list(args.image)}
    if args.depth:
        sample["depths"] = [None if depth == "none" else depth for depth in args.depth]
    values = vars(args)
    sample |= {key: values[name] for name, key in PLAIN_OPTIONS.items() if values[name] is not None}
    for name in ("camera_to_world", "world_to_camera"):
        if values[name]:
            sample[name] = _read_poses(values[name], name)
    if args.gravity:
        sample["gravity_camera"] = _numbers(args.gravity, 3, "--gravity")
    if args.depth_intrinsics:
        sample["depth_intrinsics"] = _read_cameras(args.depth_intrinsics)["intrinsics"]
    if args.intrinsics:
        _merge_cameras(sample, _read_cameras(args.intrinsics))
    return sample


def _read_cameras(text: str) -> dict:
    """A camera file, or the numbers fx,fy,cx,cy themselves, as a dictionary with `intrinsics`."""
    if re.fullmatch(r"[-+.,\de ]+", text) and "," in text:
        return {"intrinsics": _four_numbers(text)}
    content = _read_json(text)
    if isinstance(content, list) or (isinstance(content, dict) and {"fx", "fy", "cx", "cy"} <= content.keys()):
        return {"intrinsics": content}
    if isinstance(content, dict) and "intrinsics" in content:
        _check_camera_keys(text, content)
        return content
    raise ValueError(
        f"`--intrinsics` {text} must hold fx, fy, cx, cy, a 3x3 matrix, or `intrinsics` with one of them, "
        f"got {_outline(content)}. Pixels of the image as given."
    )


def _four_numbers(text: str) -> dict[str, float]:
    return dict(zip(("fx", "fy", "cx", "cy"), _numbers(text, 4, "--intrinsics"), strict=True))


def _check_camera_keys(file: str, content: dict) -> None:
    unknown = sorted(content.keys() - {*CAMERA_KEYS, *CAMERA_NOTES})
    if unknown:
        raise ValueError(
            f"`--intrinsics` {file} may hold {', '.join(CAMERA_KEYS)} and the notes {', '.join(CAMERA_NOTES)}, got "
            f"{unknown[0]!r}. Pass poses and conventions as options, or remove the key."
        )


def _merge_cameras(sample: dict, cameras: dict) -> None:
    sample["intrinsics"] = cameras["intrinsics"]
    has_axes = any(key in sample for key in ("camera_to_world", "world_to_camera", "gravity_camera"))
    used = {"depth_unit": "depths" in sample and "depth_scale" not in sample, "camera_axes": has_axes}
    for key in used:
        if key not in cameras or not used[key]:
            continue
        if sample.setdefault(key, cameras[key]) != cameras[key]:
            option = f"--{key.replace('_', '-')}"
            raise ValueError(f"`{option}` is {sample[key]!r}, but the camera file states {cameras[key]!r}. Keep one.")
    if "image_size_hw" in cameras:
        _check_image_sizes(sample["images"], cameras["image_size_hw"])


def _check_image_sizes(files: list[str], size_hw: list[int]) -> None:
    from PIL import Image

    for file in files:
        with Image.open(file) as image:
            found_hw = [image.height, image.width]
        if found_hw != list(size_hw):
            raise ValueError(
                f"`--intrinsics` are for images of height and width {list(size_hw)}, but {file} has {found_hw}. "
                "Pass the intrinsics of this image size."
            )


def _read_poses(file: str, name: str) -> list:
    content = _read_json(file)
    poses = content.get(name) if isinstance(content, dict) else content
    if not isinstance(poses, list) or not poses or not isinstance(poses[0], list):
        raise ValueError(
            f"`--{name.replace('_', '-')}` {file} must hold one 4x4 matrix per view, as a list or under `{name}`, "
            f"got {_outline(content)}. The direction of the poses is part of the name."
        )
    return poses if isinstance(poses[0][0], list) else [poses]


def _check_model(name: str) -> None:
    """Tell a mistyped path from a repository name; a name of another form can only be a path."""
    if not Path(name).is_dir() and not re.fullmatch(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?", name):
        raise FileNotFoundError(f"There is no checkpoint folder {name}. Paths are relative to {Path.cwd()}.")


def _read_json(file: str) -> Any:
    _check_file(file)
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} must be a JSON file: {error}. Check that this is the file you mean.") from error


def _check_file(file: str) -> None:
    if not Path(file).is_file():
        raise FileNotFoundError(f"There is no file {file}. Paths are relative to {Path.cwd()}.")


def _numbers(text: str, count: int, name: str) -> list[float]:
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise ValueError(
            f"`{name}` must be {count} numbers with commas between them, got {text!r}. No blanks, no units."
        )
    return numbers


def _outline(content: Any) -> str:
    return f"the keys {sorted(content)}" if isinstance(content, dict) else f"a {type(content).__name__}"


def _summary(answer: dict) -> list[str]:
    provenance = answer["provenance"]
    lines = []
    if answer["quantity"] is not None:
        lines.append(f"  quantity  {answer['quantity']['value']:.4g} {answer['quantity']['unit']}")
    if answer["choice"] is not None:
        lines.append(f"  choice    {answer['choice']}")
    lines.append(f"  geometry  {provenance['geometry']}, gravity {provenance['gravity']}")
    lines += [
        f"  region {region['region']}  {100 * region['valid']:.0f} % of pixels measured, in {region['views']} view(s)"
        for region in provenance["regions"]
    ]
    return lines
