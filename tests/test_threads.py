"""Several threads on a CPU: the same numbers, whatever their number."""

import pytest
import torch

from mi_kit import estimators as est
from mi_kit.estimators import renyi
from mi_kit.estimators.threads import in_threads

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def restored():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def kernel_matrices(n_matrices: int, n: int) -> torch.Tensor:
    points = torch.randn(n_matrices, n, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    return torch.exp(-torch.cdist(points, points).square() / 20)


def test_each_part_is_worked_on_by_one_thread_and_the_results_are_in_order():
    torch.set_num_threads(3)
    assert in_threads(lambda part: (part, torch.get_num_threads()), range(20), CPU) == [(part, 1) for part in range(20)]
    assert torch.get_num_threads() == 3


def test_an_error_in_a_thread_is_raised_and_the_number_of_threads_restored():
    torch.set_num_threads(3)
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda part: 1 / part, range(2), CPU)
    assert torch.get_num_threads() == 3


def test_eigenvalues_have_the_same_bits_in_any_number_of_threads_and_batches():
    grams, found = kernel_matrices(5, 300), []
    for n_threads in (1, 2, 3):
        torch.set_num_threads(n_threads)
        found += [renyi._eigenvalues(grams), torch.cat([renyi._eigenvalues(one[None]) for one in grams])]
    assert all(torch.equal(each, found[0]) for each in found[1:])


class OnGpu(torch.Tensor):
    """What says that it is on a GPU, and must not be moved."""

    is_cuda, device = True, torch.device("cuda")

    def to(self, *_):
        pytest.fail("moved")


def test_eigenvalues_of_matrices_on_a_gpu_are_taken_there_whatever_a_clock_says():
    grams = kernel_matrices(3, 20)
    torch.testing.assert_close(renyi._eigenvalues(grams.as_subclass(OnGpu)).as_subclass(torch.Tensor),
                               renyi._eigenvalues(grams))  # fmt: skip


@pytest.mark.parametrize("variant", [1, 2])
def test_neighbours_counted_in_several_threads_are_those_of_one(variant):
    x, y = torch.randn(2, 900, 8, generator=torch.Generator().manual_seed(0))
    found = []
    for n_threads in (1, 3):
        torch.set_num_threads(n_threads)
        found.append(est.ksg_mutual_information(x, y, variant=variant, tile_elements=50_000))
    assert torch.equal(*found)
