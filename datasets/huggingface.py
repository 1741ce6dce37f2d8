"""Image classification data sets of Hugging Face (Lhoest et al., 2021) from a local folder."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.datasets.base import SPLITS, Dataset, ImageData
from nasbench.datasets.pictures import collect
from nasbench.datasets.splits import split
from nasbench.errors import FileError, InputError, MissingExtraError

PARTS = {**{part: part for part in SPLITS}, **dict.fromkeys(("valid", "val", "dev"), "validation")}
"""Split for each published name."""


class HuggingFace(Dataset):
    """Output of `Dataset.save_to_disk`, or a folder of parquet files or of images by class; never downloads.

    Published splits stay separate; missing splits are taken from the training images.

    Args:
        folder: Folder of the data set.
        name: Name of the data set; None takes the name of the folder.
        image: Image column; None takes the only column of images.
        label: Label column; None takes the only column of classes.
        channels: 1 or 3; None takes the number of the first image.
        size: Height and width after resizing; None keeps the original size.
        train: Training images; None takes all that remain.
        validation: Validation images; None takes all published ones, or a fifth of the training images.
        test: Test images; likewise.
    """

    def __init__(
        self,
        folder: str = ".",
        name: str | None = None,
        image: str | None = None,
        label: str | None = None,
        channels: int | None = None,
        size: int | None = None,
        train: int | None = None,
        validation: int | None = None,
        test: int | None = None,
    ) -> None:
        self.folder = str(folder)
        self.name = Path(folder).resolve().name if name is None else str(name)
        self.image, self.label = image, label
        self.channels, self.size = channels, size
        self.train, self.validation, self.test = train, validation, test
        self.source = f"Hugging Face data set {self.name}"

    def load(self) -> ImageData:
        """Read all images into memory."""
        with tempfile.TemporaryDirectory() as cache:  # the library converts folders of files to its own tables
            parts = self._open(cache)
            features = parts["train"].features
            image = self._column(features, self.image, "image", "Image")
            label = self._column(features, self.label, "label", "ClassLabel")
            images, labels = collect(_examples(parts, image, label), self.channels, self.size)
        ends = np.cumsum([len(part) for part in parts.values()])[:-1]
        published = dict(zip(parts, np.split(labels, ends), strict=True))
        rows = split(published, self.train, self.validation, self.test)
        named = getattr(features[label], "num_classes", None) or 0
        return ImageData(images, labels, rows, max(named, int(labels.max()) + 1))

    def _open(self, cache: str) -> dict[str, Any]:
        """The published splits, in the order of `SPLITS`."""
        library = _library()
        folder = Path(self.folder)
        if not folder.is_dir():
            raise FileError(f"no folder {self.folder}; pass the data set's as huggingface+folder=DIR")
        saved = any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))
        try:
            content = library.load_from_disk(str(folder)) if saved else _convert(library, folder, cache)
        except (OSError, ValueError, library.exceptions.DatasetsError) as error:
            reason = str(error).partition("\n")[0]
            raise FileError(f"{self.folder} holds no data set that can be read: {reason}; save it again") from error
        parts = content if hasattr(content, "values") else {"train": content}
        known = {PARTS[name]: part for name, part in parts.items() if name in PARTS}
        if "train" not in known:
            raise FileError(f"{self.folder} has no part called train but {', '.join(parts)}; rename one")
        return {part: known[part] for part in SPLITS if part in known}

    def _column(self, features: Mapping[str, Any], asked: str | None, argument: str, kind: str) -> str:
        """The requested column, or the only column of a kind of feature."""
        fitting = [name for name, feature in features.items() if type(feature).__name__ == kind]
        if asked is None and len(fitting) == 1:
            return fitting[0]
        if asked is None or asked not in features:
            problem = f"no column {asked!r}" if asked else f"{len(fitting)} columns of kind {kind}"
            raise InputError(
                f"{self.folder} has {problem}; set {argument} to one of its columns: {', '.join(features)}"
            )
        return asked


def _library() -> Any:
    library = importlib.import_module("datasets") if importlib.util.find_spec("datasets") else None
    if library is not None and hasattr(library, "load_from_disk"):
        return library
    if library is not None and library.__file__ == str(Path(__file__).resolve().parent / "__init__.py"):
        raise MissingExtraError(
            "the folder of the nasbench sources hides the package datasets of Hugging Face"
            "; work in another folder, or run the command nasbench instead of python -m nasbench"
        )
    raise MissingExtraError("this data set needs the package datasets: pip install 'nasbench[huggingface]'")


def _convert(library: Any, folder: Path, cache: str) -> Any:
    """Read parquet files or images. The kind is explicit, because the library would also guess pickles."""
    kind = "parquet" if any(folder.rglob("*.parquet")) else "imagefolder"
    return library.load_dataset(kind, data_dir=str(folder), cache_dir=cache)


def _examples(parts: Mapping[str, Any], image: str, label: str) -> Iterator[tuple[Any, Any]]:
    for part in parts.values():
        for row in part.select_columns([image, label]):
            yield row[image], row[label]
