"""The adapter for Hugging Face's data sets, on real ones saved to disk."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench.datasets
from nasbench.datasets import Dataset, datasets
from nasbench.errors import FileError, InputError, MissingExtraError
from nasbench.testing import check_dataset

SOURCES = Path(nasbench.datasets.__file__).resolve().parent


@pytest.fixture(autouse=True)
def _visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the folder that pytest was started in, `datasets` is the installed package."""
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if Path(entry).resolve() != SOURCES.parent])
    loaded = sys.modules.get("datasets")
    if loaded is not None and not hasattr(loaded, "load_from_disk"):
        monkeypatch.delitem(sys.modules, "datasets")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    if importlib.util.find_spec("datasets") is None:
        pytest.skip("the package datasets of Hugging Face is not installed")
    return importlib.import_module("datasets")


def table(library: Any, count: int, offset: int = 0, **columns: list[int]) -> Any:
    from PIL import Image

    pictures = [Image.fromarray(np.full((4, 5), offset + row, dtype=np.uint8)) for row in range(count)]
    features = library.Features(
        {"picture": library.Image(), "kind": library.ClassLabel(names=["cat", "dog", "owl"])}
        | {name: library.Value("int64") for name in columns}
    )
    content = {"picture": pictures, "kind": [row % 3 for row in range(count)], **columns}
    return library.Dataset.from_dict(content, features=features)


def huggingface(folder: Path, settings: str = "") -> Dataset:
    return datasets.create(f"huggingface+folder={folder}{settings}")


def sizes(dataset: Dataset) -> dict[str, int]:
    return {part: len(rows) for part, rows in dataset.load().splits.items()}


def test_published_parts_stay_apart(library: Any, tmp_path: Path) -> None:
    parts = {"test": table(library, 6, 100), "train": table(library, 30), "valid": table(library, 9, 50)}
    library.DatasetDict(parts).save_to_disk(str(tmp_path / "animals"))
    dataset = huggingface(tmp_path / "animals")
    check_dataset(dataset)
    data = dataset.load()
    assert dataset.name == "animals" and data.shape == (1, 4, 5) and data.classes == 3
    brightness = np.round(data.images[:, 0, 0, 0] * 255).astype(int)
    assert {part: sorted(brightness[rows]) for part, rows in data.splits.items()} == {
        "train": list(range(30)),
        "validation": list(range(50, 59)),
        "test": list(range(100, 106)),
    }


def test_one_table_is_cut(library: Any, tmp_path: Path) -> None:
    table(library, 30).save_to_disk(str(tmp_path))
    assert sizes(huggingface(tmp_path)) == {"train": 18, "validation": 6, "test": 6}
    assert sizes(huggingface(tmp_path, "+train=3+test=12")) == {"train": 3, "validation": 6, "test": 12}


def test_parquet(library: Any, tmp_path: Path) -> None:
    table(library, 30).to_parquet(str(tmp_path / "train-00000.parquet"))
    table(library, 6).to_parquet(str(tmp_path / "test-00000.parquet"))
    assert sizes(huggingface(tmp_path)) == {"train": 24, "validation": 6, "test": 6}


def test_folder_of_images(library: Any, tmp_path: Path) -> None:
    for row, example in enumerate(table(library, 30)):
        place = tmp_path / "train" / "abc"[example["kind"]]
        place.mkdir(parents=True, exist_ok=True)
        example["picture"].save(place / f"{row}.png")
    data = huggingface(tmp_path, "+name=letters+channels=3+size=8").load()
    assert data.shape == (3, 8, 8) and data.classes == 3
    assert np.bincount(data.labels).tolist() == [10, 10, 10]


def test_columns_are_named_where_several_fit(library: Any, tmp_path: Path) -> None:
    table(library, 30, colour=[row % 5 for row in range(30)]).save_to_disk(str(tmp_path))
    assert huggingface(tmp_path).load().classes == 3
    assert huggingface(tmp_path, "+label=colour+image=picture").load().classes == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("+label=weight", "no column 'weight'; set label to one of its columns: picture, kind"),
        ("+image=photo", "no column 'photo'; set image to one of its columns: picture, kind"),
        ("+train=100", "train=100: 18 images are left for the train part"),
    ],
)
def test_refuses_settings(library: Any, tmp_path: Path, settings: str, message: str) -> None:
    table(library, 30).save_to_disk(str(tmp_path))
    with pytest.raises(InputError, match=message):
        huggingface(tmp_path, settings).load()


def test_no_labels(library: Any, tmp_path: Path) -> None:
    table(library, 6).remove_columns("kind").save_to_disk(str(tmp_path))
    with pytest.raises(InputError, match="0 columns of kind ClassLabel; set label to one of its columns: picture"):
        huggingface(tmp_path).load()


def test_wrong_folder(library: Any, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no folder .*elsewhere; pass the data set's as huggingface"):
        huggingface(tmp_path / "elsewhere").load()
    with pytest.raises(FileError, match="holds no data set that can be read"):
        huggingface(tmp_path).load()


def test_damaged_files(library: Any, tmp_path: Path) -> None:
    table(library, 6).save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "saved" / "state.json").write_text("{")
    (tmp_path / "parquet").mkdir()
    (tmp_path / "parquet" / "train.parquet").write_bytes(b"PAR1")
    for name in ("saved", "parquet"):
        with pytest.raises(FileError, match="holds no data set that can be read") as error:
            huggingface(tmp_path / name).load()
        assert "\n" not in str(error.value)


def test_no_training_part(library: Any, tmp_path: Path) -> None:
    library.DatasetDict(test=table(library, 6)).save_to_disk(str(tmp_path))
    with pytest.raises(FileError, match="has no part called train but test; rename one"):
        huggingface(tmp_path).load()


def test_pickles_are_not_read(library: Any, tmp_path: Path) -> None:
    (tmp_path / "train.pkl").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(FileError, match="holds no data set that can be read"):
        huggingface(tmp_path).load()


def test_hidden_by_the_folder_of_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("datasets")
    module.__file__ = str(SOURCES / "__init__.py")
    module.__spec__ = importlib.util.spec_from_loader("datasets", None)
    monkeypatch.setitem(sys.modules, "datasets", module)
    with pytest.raises(MissingExtraError, match="the folder of the nasbench sources hides the package datasets"):
        huggingface(tmp_path).load()


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nasbench\[huggingface\]'"):
        huggingface(tmp_path).load()
