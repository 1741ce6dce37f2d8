"""Hashes of digits and words to 64 bits, the same on every machine: SplitMix64 (Steele et al., 2014)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nasbench.types import GenotypeArray, KeyArray


def mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Output function of SplitMix64, a bijection of 64 bits."""
    return finalise(words + np.uint64(0x9E3779B97F4A7C15))


def finalise(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64: a pseudo-random bijection of 64 bits that keeps 0."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def hash_digits(genotypes: GenotypeArray, cardinalities: KeyArray) -> KeyArray:
    """63-bit hash of each of `(n, d)` genotypes; shape `(n,)`.

    Digits are packed into 64-bit words, as many whole digits as fit, and each word is mixed into the hash.
    """
    hashed = np.zeros(len(genotypes), dtype=np.uint64)
    word, room = np.zeros(len(genotypes), dtype=np.uint64), 1 << 64
    for digits, options in zip(genotypes.T, cardinalities.tolist(), strict=True):
        if room < options:
            hashed, word, room = mix(hashed ^ word), np.zeros(len(genotypes), dtype=np.uint64), 1 << 64
        word = word * np.uint64(options) + digits.astype(np.uint64)
        room //= options
    return (mix(hashed ^ word) >> np.uint64(1)).astype(np.int64)
