"""Every numeric library computes with one thread in tests: on a busy machine several threads mostly wait for each other.

Set before any of them is imported; what a test starts inherits it.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
