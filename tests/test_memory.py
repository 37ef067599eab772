import ctypes
import json
import subprocess
import sys

import pytest

N_BYTES = 64 * 1024**2
# In a process of its own: what other tests have freed would serve the arrays.
RESIDENT = f"""
import json
import numpy, psutil
from mlipsse.energetics.memory import kept_memory

def more():
    numpy.ones({N_BYTES}, dtype=numpy.uint8)
    return psutil.Process().memory_info().rss - before

before = psutil.Process().memory_info().rss
found = [more()]
with kept_memory():
    found += [more() for _ in range(3)]
found.append(psutil.Process().memory_info().rss - before)
print(json.dumps(found))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not the GNU C library")
def test_freed_memory_is_kept_inside_and_given_back_after():
    """By what is resident: how many pages a fault clears is the kernel's choice."""
    done = subprocess.run(
        [sys.executable, "-c", RESIDENT], capture_output=True, text=True, check=True
    )
    outside, *inside, after = json.loads(done.stdout)
    assert outside < N_BYTES / 4
    assert all(3 * N_BYTES / 4 < kept < 5 * N_BYTES / 4 for kept in inside)
    assert after < N_BYTES / 4
