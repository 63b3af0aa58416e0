"""What holds for every test."""

import os

# One thread a worker: several libraries that each take all cores slow one another down many times over.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
