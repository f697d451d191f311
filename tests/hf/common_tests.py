# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Import Hugging Face's own common tests, of exactly the installed Transformers release, from its source archive.

In: the installed version. Out: modules of the archive's `tests/` folder, importable as `hf_common_tests.NAME`.

The archive is fetched by pip with the settings of the machine, is checked against the sha256 below before anything in
it runs, and lies unpacked in a cache folder outside the repository (`$XDG_CACHE_HOME` or `~/.cache`). The price is a
network at the first run of each release: without one the tests are skipped with a warning, and fail where `CI=true`.
"""

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path
from types import ModuleType

import filelock
import pytest
import transformers


SHA256 = {
    "5.23.0": "19d647a4d5d903a7c644ca5cde2d86efc3dde7d8c687ae7988806ff2205efa71",
}

# The archive leaves these modules out, and the common tests import one name of each. The mixins are empty on purpose:
# generation and export are covered by tests of our own.
STUBS = {
    "hf_common_tests/__init__.py": "",
    "hf_common_tests/generation/__init__.py": "",
    "hf_common_tests/generation/test_utils.py": "class GenerationTesterMixin:\n    pass\n",
    "hf_common_tests/exporters/__init__.py": "",
    "hf_common_tests/exporters/test_export.py": "class ExportTesterMixin:\n    pass\n",
    "hf_common_tests/utils/__init__.py": "",
    "hf_common_tests/utils/test_configuration_utils.py": "config_common_kwargs = {}\n",
    "utils/fetch_hub_objects_for_ci.py": "def url_to_local_path(url, *args):\n    return url\n",
}


class CommonTestsMissingError(RuntimeError):
    """The common tests of the installed release cannot be had."""


def cache_root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "transformers_sr3d"


def download_archive(version: str, folder: Path) -> Path:
    """Fetch the source archive; pip itself refuses another hash before it reads the archive's metadata."""
    if version not in SHA256:
        known = ", ".join(SHA256)
        raise CommonTestsMissingError(
            f"no sha256 is recorded for transformers {version} (known: {known}); add one to {__file__}"
        )
    requirement = folder / "requirement.txt"
    requirement.write_text(f"transformers=={version} --hash=sha256:{SHA256[version]}\n")
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "-r", requirement, "-d", folder]
    options = ["--no-deps", "--no-binary", "transformers", "--no-build-isolation", "--retries", "1", "--quiet"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommonTestsMissingError(
            f"pip could not download the source archive of transformers {version}:\n{done.stderr}"
        )
    return next(folder.glob("transformers-*.tar.gz"))


def unpack(archive: Path, expected_sha256: str, folder: Path) -> None:
    """Write the archive's `tests/` as the package `hf_common_tests`, and the stubs beside it, into an empty folder."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != expected_sha256:
        raise CommonTestsMissingError(f"{archive.name} has sha256 {found}, expected {expected_sha256}")
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if Path(member.name).parts[1:2] == ("tests",)]
        tar.extractall(folder / "unpacked", members=members, filter="data")
    (tests,) = (folder / "unpacked").glob("*/tests")
    tests.rename(folder / "hf_common_tests")
    shutil.rmtree(folder / "unpacked")
    for name, text in STUBS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def fetch(version: str) -> Path:
    """Return the folder that holds `hf_common_tests` of a release; fetched once, whatever the number of processes."""
    digest = hashlib.sha256(repr((SHA256.get(version), sorted(STUBS.items()))).encode()).hexdigest()[:8]
    target = cache_root() / f"hf-tests-{version}-{digest}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{target}.lock", timeout=240):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=target.parent) as work:
                staging = Path(work) / "staging"
                staging.mkdir()
                unpack(download_archive(version, Path(work)), SHA256[version], staging)
                staging.rename(target)
    return target


def import_common(name: str) -> ModuleType:
    """Import a module of the common tests, such as `test_modeling_common`, or skip the calling module."""
    try:
        folder = fetch(transformers.__version__)
    except CommonTestsMissingError as error:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            raise
        warnings.warn(f"HUGGING FACE'S COMMON TESTS DID NOT RUN: {error}", stacklevel=2)
        pytest.skip(f"Hugging Face's common tests did not run: {error}", allow_module_level=True)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(f"hf_common_tests.{name}")
