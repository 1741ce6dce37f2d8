"""Small files in a folder or an archive: the same content from each, no silent loss, bounded memory."""

import gzip
import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError
from nasbench.importers.formats import documents as module
from nasbench.importers.formats.documents import documents

PATTERN = re.compile(r"r_\d+\.json")
FILES = {"top/a/r_1.json": b"[1]", "top/b/r_1.json": b"[2]", "top/b/r_02.json": b"", "top/other.txt": b"x" * 600}
WANTED = {name: content for name, content in FILES.items() if name.endswith("json")}


def tar(packing: str = "", files: dict[str, bytes] = FILES) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0) if packing else stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_archives_hold_what_the_folder_holds(tmp_path: Path, kind: str) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert {one.name: one.content for one in documents(tmp_path / "top", PATTERN)} == WANTED
    path = tmp_path / "archive"
    path.write_bytes(zipped() if kind == "zip" else tar(kind[3:]))
    assert {one.name: one.content for one in documents(path, PATTERN)} == WANTED


def test_a_folder_has_its_own_name_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rs").mkdir()
    (tmp_path / "rs" / "r_1.json").write_bytes(b"1")
    monkeypatch.chdir(tmp_path / "rs")
    assert [one.name for one in documents(Path(), PATTERN)] == ["rs/r_1.json"]


def refused(path: Path) -> str:
    with pytest.raises(FileError) as caught:
        list(documents(path, PATTERN))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no file or folder" in refused(tmp_path / "no")
    path = tmp_path / "archive"
    path.write_bytes(b"text")
    assert "cannot be read as a tar or zip archive" in refused(path)
    path.write_bytes(tar(files={"a.txt": b""}))
    assert "holds no file like" in refused(path)
    twice = io.BytesIO()
    with tarfile.open(fileobj=twice, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("r_1.json"))
        archive.addfile(tarfile.TarInfo("r_1.json"))
    path.write_bytes(twice.getvalue())
    assert "holds r_1.json twice" in refused(path)
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 2)
    for content in (tar(), tar("gz"), zipped()):
        path.write_bytes(content)
        assert "has more than 2 bytes" in refused(path)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_bombs_and_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / "archive"
    content = zipped() if kind == "zip" else tar(kind[3:])
    path.write_bytes(content[: len(content) * 2 // 5])
    assert "cannot be read" in refused(path)
    path.write_bytes(content)
    monkeypatch.setattr("nasbench.importers.formats.unpack.MIN_LIMIT", 3)
    monkeypatch.setattr("nasbench.importers.formats.unpack.MAX_RATIO", 0)
    assert "unpacks to more than 3 bytes" in refused(path)


def test_a_damaged_header_is_no_end(tmp_path: Path) -> None:
    """Python's own reader takes a damaged header for the end, and loses what follows."""
    content = bytearray(tar())
    second = content.index(b"top/b/r_1.json")
    content[second] ^= 1
    path = tmp_path / "archive"
    path.write_bytes(bytes(content))
    assert "bad checksum" in refused(path)
    path.write_bytes(bytes(content[:second]))
    assert "empty header" in refused(path)


def test_the_checksum_of_a_packed_archive_is_tested(tmp_path: Path) -> None:
    """The checksum lies behind everything that a reader of the archive reads."""
    content = bytearray(tar("gz"))
    content[-8] ^= 1
    path = tmp_path / "archive"
    path.write_bytes(bytes(content))
    assert "CRC check failed" in refused(path)
    path.write_bytes(tar("gz")[:-4])
    assert "end-of-stream marker" in refused(path)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_mutated_archives_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    content = bytearray(zipped() if kind == "zip" else tar(kind[3:]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "archive"
    path.write_bytes(bytes(content))
    try:
        list(documents(path, PATTERN))
    except FileError as error:
        assert "\n" not in str(error)
