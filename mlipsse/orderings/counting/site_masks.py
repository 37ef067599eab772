"""Sets of sites as masks: site s is bit s % 64 of word s // 64."""

import numpy as np

WORD = 64
"""Sites that one machine word holds."""


def to_masks(held: np.ndarray, words: int) -> np.ndarray:
    """(n, words) uint64 from (n, n_sites) bool, lowest bit first."""
    padded = np.zeros((len(held), words * WORD), dtype=bool)
    padded[:, : held.shape[1]] = held
    packed = np.packbits(padded, axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)


def to_bits(masks: np.ndarray, n: int) -> np.ndarray:
    """(len(masks), n) bool from masks (n, n_words), lowest bit first."""
    bytes_ = np.ascontiguousarray(masks).astype("<u8").view(np.uint8).reshape(len(masks), -1)
    return np.unpackbits(bytes_, axis=1, bitorder="little", count=n).astype(bool)
