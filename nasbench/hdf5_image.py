"""HDF5 files made in memory, so that the disk sees a single write with clear errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasbench.files import atomic


def new_image() -> Any:
    """An empty HDF5 file in memory, a context manager.

    The layout of HDF5 1.10 has checksums in its metadata; in older layouts a flipped byte can crash the HDF5 library.
    """
    import h5py

    return h5py.File("image", "w", driver="core", backing_store=False, libver=("v110", "v110"))


def image_bytes(file: Any) -> bytes:
    """What such a file would be on disk."""
    file.flush()
    content: bytes = file.id.get_file_image()
    return content


def save_image(image: bytes, path: Path) -> None:
    """Write a file whole or not at all.

    Raises:
        FileError: It cannot be written.
    """
    with atomic(path) as temporary:
        temporary.write_bytes(image)
