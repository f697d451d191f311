# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A folder with safetensors -> where each tensor lies, its shape and dtype; nothing is loaded yet.

Files that pickle (`.bin`, `.pt`, `.pth`) can run code when they are read, so they never are.

May import: torch, safetensors and the readers of small files.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from transformers_sr3d.inputs.files import read_json


INDEX_FILE = "model.safetensors.index.json"
PICKLED_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt")
# Words of the file format. Others (8 bits and fewer) are quantised weights, which need their scales beside them.
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a file.

    Attributes:
        file (`Path`): Where it lies.
        key (`str`): Its name there.
        shape (`tuple[int, ...]`): As the file says.
        dtype (`str`): Word of the file format, such as `"BF16"`.
    """

    file: Path
    key: str
    shape: tuple[int, ...]
    dtype: str

    def load(self) -> torch.Tensor:
        """Read the tensor into memory of its own.

        Returns:
            `torch.Tensor`: In the stored dtype.
        """
        # The file is closed each time: pages of a mapped file would otherwise add up to the whole of it.
        with safe_open(self.file, framework="pt") as handle:
            return handle.get_tensor(self.key).clone()


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """List the tensors of a folder.

    Args:
        folder (`Path`):
            With one or several `.safetensors`, and the index where there is one.

    Returns:
        `dict[str, StoredTensor]`: By name.

    Raises:
        FileNotFoundError: If there are no weights, or a file of the index is missing.
        ValueError: If there are only pickled weights, a file is damaged, two files hold one name, or index and files
            disagree.
    """
    index = folder / INDEX_FILE
    listed = _read_index(index) if index.is_file() else None
    files = sorted(folder.glob("*.safetensors")) if listed is None else _files_of_index(folder, index, listed)
    if not files:
        _refuse_folder(folder)
    found: dict[str, StoredTensor] = {}
    for file in files:
        for tensor in _tensors_of(file):
            if tensor.key in found:
                raise ValueError(
                    f"`{tensor.key}` must be in one file of {folder}, got it in {found[tensor.key].file.name} and in "
                    f"{file.name}. Remove the file that is a leftover."
                )
            found[tensor.key] = tensor
    differing = sorted(found.keys() ^ listed.keys()) if listed is not None else []
    if differing:
        where = "the files but not the index" if differing[0] in found else "the index but not the files"
        raise ValueError(
            f"`{index}` must list what the files hold, got {differing[0]} and {len(differing) - 1} others in {where}. "
            "Copy the folder again."
        )
    return found


def _read_index(index: Path) -> dict[str, str]:
    content = read_json(index)
    listed = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(listed, dict) or not listed:
        raise ValueError(f"`{index}` must hold `weight_map`, got none. Copy the file again.")
    for key, name in listed.items():
        if not isinstance(name, str) or Path(name).name != name:
            raise ValueError(f"`{index}` must name files beside it, got {name!r:.100} for {key}. Copy it again.")
    return listed


def _files_of_index(folder: Path, index: Path, listed: dict[str, str]) -> list[Path]:
    names = sorted(set(listed.values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"`{index}` names {len(names)} files, of which {len(missing)} are missing: {', '.join(missing[:4])}. "
            f"Download them into {folder}."
        )
    return [folder / name for name in names]


def _refuse_folder(folder: Path) -> None:
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED_SUFFIXES)
    if not pickled:
        raise FileNotFoundError(f"`{folder}` must hold *.safetensors, got none. Check that the download is complete.")
    raise ValueError(
        f"`{folder}` must hold *.safetensors, got pickled weights ({', '.join(pickled[:3])}), which can run code when "
        "they are read. Take a revision with safetensors, or convert them where you trust them: "
        "torch.load(..., weights_only=True), then safetensors.torch.save_file."
    )


def _tensors_of(file: Path) -> list[StoredTensor]:
    try:
        # For NumPy: for torch the mapping counts as memory, and a file larger than that cannot even be listed.
        with safe_open(file, framework="np") as handle:
            slices = {key: handle.get_slice(key) for key in handle.keys()}  # noqa: SIM118, the handle is no mapping
            return [
                StoredTensor(file, key, tuple(one.get_shape()), str(one.get_dtype())) for key, one in slices.items()
            ]
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"`{file}` must be a whole safetensors file, got {file.stat().st_size} bytes: {str(error)[:200]}. "
            "Download it again; a file of a few hundred bytes is a pointer of Git LFS."
        ) from error
