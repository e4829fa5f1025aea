"""How a GPU rounds. The flags are there without one, so that these tests need none."""

import contextlib
import sys
import threading
import time

import pytest
import torch

from mi_kit import estimators as est
from mi_kit import probes
from mi_kit.estimators.kde import _full_precision

CUDA = torch.device("cuda")
LONG = 30  # seconds; where threads wait for each other for ever, a test must end


def flags() -> tuple:
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    return cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision, products.fp32_precision, cudnn.deterministic


FLOAT32, TF32 = ("ieee", "ieee", "ieee", True), ("tf32", "tf32", "tf32", True)


@pytest.fixture(autouse=True)
def eager_threads():
    """Threads change places within a few lines, not after 5 ms."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def seen_by_threads(*contexts) -> list[set]:
    """What each thread, entering and leaving its own setting for a while, sees of the flags inside."""
    seen, end = [set() for _ in contexts], time.monotonic() + 1

    def work(context, found):
        while time.monotonic() < end:
            with context():
                found.update(flags() for _ in range(20))

    threads = [threading.Thread(target=work, args=each, daemon=True) for each in zip(contexts, seen, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive(), "waits for ever"
    return seen


def test_no_thread_computes_with_the_flags_of_another():
    before = flags()
    settings = [
        lambda: probes.same_rounding(CUDA, "tf32"),
        lambda: probes.same_rounding(CUDA, "float32"),
        lambda: _full_precision("cuda"),
    ]
    assert seen_by_threads(*settings) == [{TF32}, {FLOAT32}, {FLOAT32}]
    assert flags() == before


@contextlib.contextmanager
def nested(outer, inner):
    with probes.same_rounding(CUDA, outer):
        with probes.same_rounding(CUDA, inner):
            assert flags() == {"tf32": TF32, "float32": FLOAT32}[inner]
        yield


def test_settings_nest_within_a_thread_while_others_want_another():
    settings = [lambda: nested("tf32", "float32"), lambda: nested("float32", "tf32")]
    assert seen_by_threads(*settings) == [{TF32}, {FLOAT32}]


def test_the_flags_are_as_they_were_after_an_error():
    before = flags()
    with pytest.raises(KeyError), probes.same_rounding(CUDA, "tf32"):
        raise KeyError
    assert flags() == before


def test_estimates_on_the_processor_leave_the_flags_of_a_gpu_alone(monkeypatch):
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    try:
        products.fp32_precision = "tf32"  # as a session may; `allow_tf32` cannot be read any more
        assert est.kde_information(torch.randn(20, 2), torch.arange(20) % 2, noise_variance=1.0).i_xt > 0
        with _full_precision("cuda"):
            assert flags() == FLOAT32
        assert products.fp32_precision == "tf32"
    finally:
        products.fp32_precision = before
