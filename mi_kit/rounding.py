"""How a GPU rounds: flags that torch keeps for the whole process, here changed by one thread at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

# Not a count of users of one setting: nobody waits for another lock in here, so nested settings cannot deadlock
_ONE_THREAD = threading.RLock()


@contextlib.contextmanager
def same_rounding(device: torch.device, precision: str = "float32") -> Iterator[None]:
    """CUDA's convolutions and products in "float32" or "tf32", by algorithms that give the same bits every time.

    PyTorch's own default is the shorter tf32 for convolutions. Other threads that ask for a setting wait until this
    one is left; within one thread, settings nest. Elsewhere than on a CUDA device nothing changes.
    """
    if device.type != "cuda":
        yield
        return
    with _ONE_THREAD:
        wanted = _flags(precision == "tf32")
        before = {flag: getattr(*flag) for flag in wanted}
        try:
            _set(wanted)
            yield
        finally:
            _set(before)


def _flags(tf32: bool) -> dict:
    """{(part of torch, name): value}. Newer torch cannot read `allow_tf32` where a session uses `fp32_precision`."""
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    if hasattr(cudnn, "conv"):
        rounding = dict.fromkeys([(part, "fp32_precision") for part in (cudnn.conv, cudnn.rnn, products)],
                                 "tf32" if tf32 else "ieee")  # fmt: skip
    else:
        rounding = {(part, "allow_tf32"): tf32 for part in (cudnn, products)}
    return rounding | {(cudnn, "deterministic"): True}


def _set(flags: dict) -> None:
    for (part, name), value in flags.items():
        setattr(part, name, value)
