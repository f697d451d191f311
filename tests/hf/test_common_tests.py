# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The fetching of Hugging Face's common tests refuses what it does not know."""

import hashlib
import io
import tarfile
from pathlib import Path

import common_tests
import pytest


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A source archive with a test, a script and a file that would leave the folder."""
    path = tmp_path / "transformers-0.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("transformers-0.0/tests/test_x.py", "transformers-0.0/setup.py", "../tests/escape.py"):
            member = tarfile.TarInfo(name)
            member.size = 7
            tar.addfile(member, io.BytesIO(b"X = 3\n\n"))
    return path


def test_unpack_keeps_the_tests_and_adds_stubs(archive: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    # The member above the folder is refused by tarfile itself.
    with pytest.raises(tarfile.OutsideDestinationError, match=r"escape\.py"):
        common_tests.unpack(archive, digest, tmp_path / "refused")
    with tarfile.open(archive, "r:gz") as tar, tarfile.open(tmp_path / "clean.tar.gz", "w:gz") as clean:
        for member in tar.getmembers()[:2]:
            clean.addfile(member, tar.extractfile(member))
    clean_digest = hashlib.sha256((tmp_path / "clean.tar.gz").read_bytes()).hexdigest()
    common_tests.unpack(tmp_path / "clean.tar.gz", clean_digest, tmp_path / "out")
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == {"hf_common_tests/test_x.py", *common_tests.STUBS}


def test_archive_with_another_hash_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(common_tests.CommonTestsMissingError, match="expected 1234"):
        common_tests.unpack(archive, "1234", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_release_without_recorded_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(common_tests.CommonTestsMissingError, match=r"no sha256 is recorded for transformers 0\.0\.1"):
        common_tests.download_archive("0.0.1", tmp_path)
