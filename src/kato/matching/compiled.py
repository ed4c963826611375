"""Compiling functions to machine code, once per machine. The only module that knows numba.

Compiled kernels are kept in the cache folder of :class:`kato.settings.Settings`. numba does not
notice when a function that was inlined from another file changes, and takes code compiled without
bounds checks where they are asked for; so the folder is named by everything that decides about the
machine code: the text of all files that hold kernels, the versions, and the compiler's switches.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
import structlog

from kato.settings import Settings

KERNEL_PACKAGES = ("matching", "metrics", "recall")

Array = npt.NDArray[Any]
"""An array inside a kernel: C-contiguous and writable; numba types its elements."""

# numba fills this module from the environment when it is imported, so no checker sees its names.
config: Any = numba.core.config

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """The function, compiled at its first call for the types of its arguments; releases the GIL.

    Give it C-contiguous writable arrays of always the same types (:func:`kernel_array`): each new
    combination is compiled again, and a read-only array is a type of its own.

    It makes no arrays (:func:`allocating` may). So numba need not count who holds those it is
    given, with two locked instructions for each array at each call: measured, a third of the time
    of the loops of recall.
    """
    return _compiled(function, counting=False)


def allocating(function: _Function) -> _Function:
    """:func:`compiled`, for a function that makes arrays."""
    return _compiled(function, counting=True)


def inner(function: _Function) -> _Function:
    """:func:`compiled`, for what only other kernels call: Python cannot.

    What unpacks the arguments of a call from Python is not compiled then; for structures of arrays
    that takes longer than the function.
    """
    return _compiled(function, counting=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compiled(function: _Function, *, counting: bool, **given: bool) -> _Function:
    # numba calls its counting _nrt; without it, what allocates does not compile.
    options: dict[str, Any] = {"nogil": True, "_nrt": counting, **given}
    folder = kernel_folder()
    if folder is None:
        return cast(_Function, numba.njit(**options)(function))
    # numba reads the folder from its process-wide setting while it decorates, and only then.
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        return cast(_Function, numba.njit(cache=True, **options)(function))
    finally:
        config.CACHE_DIR = before


def kernel_array(values: npt.ArrayLike, dtype: type[np.generic]) -> Array:
    """``values`` as kernels want them: C-contiguous, writable, of the dtype; copied if need be.

    >>> kernel_array([1, 2], np.int64)
    array([1, 2])
    """
    if isinstance(values, np.ndarray) and values.dtype == dtype and values.flags.carray:
        return values  # np.require would say the same in ten times the time
    return np.require(values, dtype, ("C", "W"))


@cache
def kernel_folder() -> Path | None:
    """The folder of compiled kernels; None, with a warning, if it cannot be written."""
    # Only this variable is read: an import must not fail for a setting it does not need.
    environment = {"KATO_CACHE_DIR": os.environ.get("KATO_CACHE_DIR", "")}
    folder = Settings.from_environment(environment).cache_dir / "kernels" / _fingerprint()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        structlog.get_logger(__name__).warning(
            "compiled kernels cannot be kept, every process compiles them again",
            folder=str(folder),
            reason=str(error),
            remedy="set KATO_CACHE_DIR to a folder that can be written",
        )
        return None


def _fingerprint() -> str:
    package = Path(__file__).parents[1]
    digest = sha256()
    for name in KERNEL_PACKAGES:
        for file in sorted((package / name).rglob("*.py")):
            digest.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes())
    switches = (numba.__version__, np.__version__, config.BOUNDSCHECK, config.OPT)
    digest.update(repr(switches).encode())
    return digest.hexdigest()[:16]
