"""The binary archive of CIFAR-10, on small files of the same layout."""

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from nasbench.datasets import datasets
from nasbench.datasets.cifar10 import ARCHIVE, CIFAR10, FILES, FOLDER, PIXELS
from nasbench.errors import FileError, InputError
from nasbench.testing import check_dataset

IMAGES = 20


class Small(CIFAR10):
    images_per_file = IMAGES


def contents() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    files = {}
    for name in FILES:
        labels = rng.permutation(np.arange(IMAGES) % 10).astype(np.uint8)
        files[name] = np.c_[labels, rng.integers(0, 256, (IMAGES, PIXELS), dtype=np.uint8)].tobytes()
    return files


def extract(folder: Path) -> Path:
    (folder / FOLDER).mkdir()
    for name, content in contents().items():
        (folder / FOLDER / name).write_bytes(content)
    return folder


def pack(folder: Path) -> str:
    """Write an archive and return its MD5."""
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for name, content in contents().items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return hashlib.md5((folder / ARCHIVE).read_bytes(), usedforsecurity=False).hexdigest()


def test_a_record_by_hand(tmp_path: Path) -> None:
    data = Small(str(extract(tmp_path)), validation=40).load()
    record = contents()["data_batch_2.bin"][: 1 + PIXELS]
    assert data.labels[IMAGES] == record[0]
    assert data.images[IMAGES, 0, 0, 1] == np.float32(record[2] / 255)  # red, first row, second column
    assert data.images[IMAGES, 2, 31, 31] == np.float32(record[-1] / 255)  # blue, the last pixel
    assert data.images[IMAGES, 1, 1, 0] == np.float32(record[1 + 1024 + 32] / 255)  # green, second row


def test_published_test_images_stay_apart(tmp_path: Path) -> None:
    data = Small(str(extract(tmp_path)), validation=40).load()
    assert {part: len(rows) for part, rows in data.splits.items()} == {"train": 60, "validation": 40, "test": 20}
    assert set(data.splits["test"]) == set(range(100, 120))
    assert np.bincount(data.labels[data.splits["validation"]]).tolist() == [4] * 10


def test_archive_and_extracted_files_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("packed", "extracted"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(Small, "md5", pack(tmp_path / "packed"))
    packed = Small(str(tmp_path / "packed"), validation=40)
    extracted = Small(str(extract(tmp_path / "extracted")), validation=40)
    directly = Small(str(tmp_path / "extracted" / FOLDER), validation=40)
    check_dataset(packed)
    assert packed.load().checksum() == extracted.load().checksum() == directly.load().checksum()


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_no_files(tmp_path: Path) -> None:
    with pytest.raises(FileError) as error:
        datasets.create(f"cifar10+folder={tmp_path}").load()
    message = one_line(error)
    assert (
        f"no {ARCHIVE} and no {FOLDER} in {tmp_path}" in message and "pass its folder as cifar10+folder=DIR" in message
    )


def test_wrong_checksum(tmp_path: Path) -> None:
    found = pack(tmp_path)
    with pytest.raises(FileError) as error:
        CIFAR10(str(tmp_path)).load()
    message = one_line(error)
    assert f"MD5 is {found}, expected c32a1d4ab5d03f1284b67883e8d87530; get it again" in message


def test_truncated_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "md5", pack(tmp_path))
    archive = tmp_path / ARCHIVE
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(FileError, match="is damaged or another file: MD5 is"):
        Small(str(tmp_path), validation=40).load()


@pytest.mark.parametrize(("change", "found"), [(-1, str(IMAGES * 3073 - 1)), (1, "more")])
def test_wrong_size(tmp_path: Path, change: int, found: str) -> None:
    extract(tmp_path)
    path = tmp_path / FOLDER / "data_batch_3.bin"
    path.write_bytes((path.read_bytes() + b"\0")[: IMAGES * 3073 + change])
    with pytest.raises(FileError) as error:
        Small(str(tmp_path), validation=40).load()
    assert f"data_batch_3.bin is truncated or another file: it has {found} bytes, expected 61460" in one_line(error)


def test_wrong_label(tmp_path: Path) -> None:
    extract(tmp_path)
    path = tmp_path / FOLDER / "test_batch.bin"
    content = bytearray(path.read_bytes())
    content[7 * 3073] = 10
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"test_batch\.bin is damaged: label of image 7 is 10, not 0 to 9"):
        Small(str(tmp_path), validation=40).load()


def test_missing_file(tmp_path: Path) -> None:
    extract(tmp_path)
    (tmp_path / FOLDER / "data_batch_5.bin").unlink()
    with pytest.raises(FileError) as error:
        Small(str(tmp_path), validation=40).load()
    message = one_line(error)
    assert message.startswith("cannot read ") and "data_batch_5.bin: No such file or directory; extract" in message


def test_too_many_validation_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="validation=101: 100 images are left for the validation part"):
        Small(str(extract(tmp_path)), validation=101).load()
