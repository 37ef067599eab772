import ctypes

import numpy as np
import psutil
import pytest

from mlipsse.energetics.potentials.memory import kept_memory

N_BYTES = 64 * 1024**2


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not the GNU C library")
def test_freed_memory_is_kept_inside_and_given_back_after():
    """By what is resident: how many pages a fault clears is the kernel's choice."""
    before = _resident_bytes()
    np.ones(N_BYTES, dtype=np.uint8)
    assert _resident_bytes() - before < N_BYTES / 4
    with kept_memory():
        for _ in range(3):
            np.ones(N_BYTES, dtype=np.uint8)
            kept = _resident_bytes() - before
            assert 3 * N_BYTES / 4 < kept < 5 * N_BYTES / 4
    assert _resident_bytes() - before < N_BYTES / 4
