"""How the C library gets memory for NumPy's arrays."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_KEEP = 32 << 20  # bytes: the largest value that glibc takes for the latter


def keep_freed_memory() -> None:
    """Keeps freed arrays for the next ones. By default glibc hands each back to the kernel, and each new one faults in anew:
    a thousand page faults a clip, a quarter of its time. Does nothing where the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _KEEP)
        mallopt(_M_TRIM_THRESHOLD, _KEEP)
