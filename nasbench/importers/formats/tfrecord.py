"""TFRecord files and the protocol buffers in their records, read and written without TensorFlow.

A record is its length (8 bytes), the masked CRC-32C of the length (4), the content, and the masked CRC-32C of the
content (4), all little-endian. CRCs of records of equal length are computed side by side, 8 bytes in a step (slicing by
8), as there are hundreds of thousands of short records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.errors import FileError

POLYNOMIAL = 0x82F63B78
"""Castagnoli polynomial, bits reversed."""
MASK = 0xA282EAD8
"""Constant added to a rotated CRC."""
MAX_RECORD_BYTES = 2**26
"""Largest size of a record; a larger one is taken for damage."""
BYTES_PER_CHECK = 2**25
"""Bytes of records whose CRCs are checked together."""

Field: TypeAlias = tuple[int, int | float | bytes]
"""Number and value of a field."""


@cache
def _tables() -> npt.NDArray[np.uint32]:
    """Effect of a byte on the CRC when 0 to 7 more follow; shape `(8, 256)`."""
    tables = np.zeros((8, 256), dtype=np.uint32)
    tables[0] = np.arange(256)
    for _ in range(8):
        tables[0] = np.where(tables[0] & 1, (tables[0] >> 1) ^ np.uint32(POLYNOMIAL), tables[0] >> 1)
    for k in range(1, 8):
        tables[k] = tables[0][tables[k - 1] & 0xFF] ^ (tables[k - 1] >> 8)
    return tables


def crc32c(parts: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """CRC-32C of each row of bytes `(n, length)`; shape `(n,)`."""
    tables = _tables()
    crc = np.full(len(parts), 0xFFFFFFFF, dtype=np.uint32)
    columns = np.ascontiguousarray(parts.T)  # (length, n): a step reads contiguous bytes
    whole = len(columns) // 8 * 8
    for at in range(0, whole, 8):
        after = tables[3][columns[at + 4]]
        after ^= tables[2][columns[at + 5]]
        after ^= tables[1][columns[at + 6]]
        after ^= tables[0][columns[at + 7]]
        for k in range(4):
            after ^= tables[7 - k][((crc >> np.uint32(8 * k)) & np.uint32(0xFF)) ^ columns[at + k]]
        crc = after
    for at in range(whole, len(columns)):
        crc = tables[0][(crc & np.uint32(0xFF)) ^ columns[at]] ^ (crc >> np.uint32(8))
    return ~crc


def masked(crc: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """CRCs as stored: rotated by 15 bits, plus a constant."""
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(MASK)


def _masked_crcs(contents: list[bytes]) -> npt.NDArray[np.uint32]:
    """Masked CRCs of byte strings, computed together for equal lengths."""
    lengths = np.array([len(content) for content in contents])
    crcs = np.zeros(len(contents), dtype=np.uint32)
    order = np.argsort(lengths, kind="stable")
    for same in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        if len(same):
            rows = np.frombuffer(b"".join([contents[at] for at in same]), dtype=np.uint8)
            crcs[same] = crc32c(rows.reshape(len(same), lengths[same[0]]))
    return masked(crcs)


def records(path: Path) -> Iterator[bytes]:
    """The contents of the records of a file in order, with checked CRCs.

    Raises:
        FileError: The file is truncated or a CRC is wrong; names the record, counted from 1.
    """
    heads: list[bytes] = []
    contents: list[bytes] = []
    stored: list[tuple[int, int]] = []
    done = size = 0
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    with stream:
        while True:
            head = stream.read(12)
            number = done + len(contents) + 1
            problem = ""
            if head:
                length = int.from_bytes(head[:8], "little")
                if len(head) < 12:
                    problem = "the file is cut off in its head"
                elif length > MAX_RECORD_BYTES:
                    problem = f"a length of {length:,} bytes is damage"
                else:
                    content = stream.read(length + 4)
                    if len(content) < length + 4:
                        problem = f"the file is cut off after {len(content)} of {length + 4} bytes"
            if problem or not head or size > BYTES_PER_CHECK:
                _check(path, heads, contents, stored, done)  # reports earlier damage first
                yield from contents
                done, size = done + len(contents), 0
                heads, contents, stored = [], [], []
            if problem:
                raise FileError(f"{path.name}, record {number}: {problem}")
            if not head:
                return
            heads.append(head[:8])
            contents.append(content[:length])
            stored.append((int.from_bytes(head[8:], "little"), int.from_bytes(content[length:], "little")))
            size += length


def _check(path: Path, heads: list[bytes], contents: list[bytes], stored: list[tuple[int, int]], done: int) -> None:
    if not contents:
        return
    expected = np.stack([_masked_crcs(heads), _masked_crcs(contents)], axis=1)
    wrong = np.argwhere(expected != np.array(stored, dtype=np.uint32))
    if len(wrong):
        row, part = wrong[0]
        raise FileError(f"{path.name}, record {done + row + 1}: wrong CRC of its {('length', 'content')[part]}")


def write(path: Path, contents: Iterable[bytes]) -> None:
    """Write records to a file."""
    contents = list(contents)
    heads = [struct.pack("<Q", len(content)) for content in contents]
    with path.open("wb") as stream:
        for head, a, content, b in zip(heads, _masked_crcs(heads), contents, _masked_crcs(contents), strict=True):
            stream.write(head + struct.pack("<I", a) + content + struct.pack("<I", b))


# --- protocol buffers -----------------------------------------------------------------------------------------------


def fields(message: bytes) -> Iterator[Field]:
    """The fields of a message in order: integers, doubles (8 bytes), floats (4 bytes), and bytes.

    Raises:
        ValueError: The message is truncated, or has a field of unknown kind.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"field {number} is of the unknown kind {kind}")
        if number == 0 or at + length > end:
            raise ValueError(f"field {number} is cut off" if number else "a field has number 0")
        part = message[at : at + length]
        at += length
        yield number, part if kind == 2 else struct.unpack("<d" if kind == 1 else "<f", part)[0]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("a number is cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is longer than 10 bytes")


def encode(parts: Iterable[Field]) -> bytes:
    """A message with these fields; inverse of `fields`, except that every fraction becomes a double."""
    message = b""
    for number, value in parts:
        if isinstance(value, int):
            message += _encode_varint(number << 3) + _encode_varint(value)
        elif isinstance(value, float):
            message += _encode_varint(number << 3 | 1) + struct.pack("<d", value)
        else:
            message += _encode_varint(number << 3 | 2) + _encode_varint(len(value)) + value
    return message


def _encode_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
