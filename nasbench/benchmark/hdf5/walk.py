"""The objects of an HDF5 file by name, bounded in number and depth."""

from __future__ import annotations

from typing import Any

from nasbench.errors import InputError

MAX_OBJECTS, MAX_DEPTH = 20_000, 16
"""Groups and arrays of a file, and groups inside each other; HDF5 slows down with the square of the depth."""


def names_below(group: Any) -> list[str]:
    """Sorted names of all links in a group and its subgroups.

    Raises:
        InputError: They are more or deeper than `MAX_OBJECTS` and `MAX_DEPTH`.
    """
    names: list[bytes] = []

    def note(name: bytes) -> bool | None:
        names.append(name)
        return len(names) > MAX_OBJECTS or name.count(b"/") >= MAX_DEPTH or None  # anything but None ends the walk

    if group.id.links.visit(note):
        raise InputError(f"it holds more than {MAX_OBJECTS:,} objects, or groups more than {MAX_DEPTH} deep")
    return sorted(name.decode() for name in names)


def objects(file: Any) -> list[tuple[str, Any]]:
    """All groups and data sets with their full paths, sorted; links out of the file are not followed.

    Raises:
        InputError: They are too many or too deep, see `names_below`.
    """
    names_below(file)
    items: list[tuple[str, Any]] = []
    file.visititems(lambda name, item: items.append((f"/{name}", item)))
    return sorted(items, key=lambda pair: pair[0])
