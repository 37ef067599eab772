import ctypes
import resource

import numpy as np
import pytest

from mlipsse.energetics.potentials.memory import kept_memory

N_BYTES = 64 * 1024**2


def _pages_cleared(times: int) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones(N_BYTES, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not the GNU C library")
def test_pages_are_cleared_once_while_memory_is_kept():
    given_back = _pages_cleared(8)
    with kept_memory():
        _pages_cleared(1)
        kept = _pages_cleared(8)
    after = _pages_cleared(8)
    # Large pages may make one fault of 512: the ratio counts, not the number.
    assert given_back > 8
    assert kept < given_back / 4
    assert after > given_back / 4
