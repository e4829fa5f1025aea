"""Every estimator with what it is compared with, the sizes, the made data, and the work that it cannot get around.

A new case is one more entry in CASES. Formulas of the others are in rivals.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import rivals
import torch
from torch import Tensor

from mi_kit import estimators as est

N_CLASSES = 10


def as_tensors(*data: Tensor) -> tuple:
    return data


def as_arrays(*data: Tensor) -> tuple:
    """Numpy arrays, numbers as float64: what most of the others work in."""
    return tuple((each.double() if each.is_floating_point() else each).numpy() for each in data)


def as_double(*data: Tensor) -> tuple:
    return tuple(each.double() for each in data)


@dataclass(frozen=True)
class Rival:
    """What ours is compared with.

    answer: from the data that `prepared` makes (not timed) to numbers in bits. compared: gives the numbers instead,
    where the timed call does something else on purpose. target: how many times as fast ours is to be, at the case's
    `target_n`. floor: no formula that anybody would use, but a part of the work that every method has to do.
    """

    name: str
    answer: Callable
    prepared: Callable = as_arrays
    compared: Callable | None = None
    target: float | None = None
    floor: bool = False


@dataclass(frozen=True)
class Case:
    """One estimator at several sizes.

    made: from n to the data, tensors on the CPU. ours: from the data to a tensor of numbers in bits. work: from n to
    amounts of what machine.py has rates of; at those rates it takes the limit. sizes: ascending. small: a size at
    which all takes moments, to warm up and to test. tolerance: bits by which answers may differ, and `because`.
    """

    name: str
    title: str
    sizes: tuple[int, ...]
    made: Callable[[int], tuple]
    ours: Callable[..., Tensor]
    rivals: tuple[Rival, ...]
    work: Callable[[int], dict[str, float]]
    work_in_words: str
    small: int = 300
    tolerance: float = 1e-4
    because: str = "float32 against float64"
    target_n: int | None = None
    target_share: float | None = None

    @property
    def shown_n(self) -> int:
        """The size that the notebooks use and that targets speak of."""
        return self.target_n or self.sizes[0]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# ------------------------------------------------------------------------------------ kernel bounds

NOISE_VARIANCE = 0.1


def made_activations(n: int, d: int) -> tuple[Tensor, Tensor]:
    """Ten overlapping classes; distances such that the bounds lie between 0 and log2 n."""
    random = generator()
    y = torch.arange(n) % N_CLASSES
    centres = torch.randn(N_CLASSES, d, generator=random)
    noise = torch.randn(n, d, generator=random)
    return (0.5 * centres[y] + noise) * (1.5 * math.sqrt(NOISE_VARIANCE / d)), y


def kde(t: Tensor, y: Tensor) -> Tensor:
    both = est.kde_information(t, y, noise_variance=NOISE_VARIANCE, bound="both")
    return torch.cat([torch.cat([one.i_xt[None], one.i_ty[None], one.i_ty_per_class]) for one in (both[1], both[0])])


def kde_work(n: int, d: int) -> dict:
    pairs = n * n / 2
    distances, class_sums = 2 * d, 2 * 2 * 2 * N_CLASSES  # both bounds, both sides of a pair, two operations
    return {"product_float32": pairs * (distances + class_sums), "exponential_float32": pairs}


def kde_case(name: str, title: str, d: int, sizes: tuple, target: float | None = None, **more) -> Case:
    by_numpy = partial(rivals.kde_by_numpy, noise_variance=NOISE_VARIANCE)
    by_torch = partial(rivals.kde_by_torch, noise_variance=NOISE_VARIANCE)
    against = (
        Rival("numpy: one distance matrix, a logsumexp a quantity", by_numpy, target=target),
        Rival("torch float32: the same formula", by_torch, as_tensors),
    )
    words = "products of distances and class sums, one exponential, half the pairs"
    made, work = partial(made_activations, d=d), partial(kde_work, d=d)
    return Case(name, title, sizes, made, kde, against, work, words, **more)


# ------------------------------------------------------------------------------------ states


def made_softmax(n: int) -> tuple[Tensor, Tensor]:
    """Ten outputs in [0, 1] of a network that is right most of the time."""
    random = generator()
    y = torch.arange(n) % N_CLASSES
    logits = torch.randn(n, N_CLASSES, generator=random) + 3 * torch.nn.functional.one_hot(y, N_CLASSES)
    return torch.softmax(logits, 1), y


def made_layer(n: int) -> tuple[Tensor, Tensor]:
    """128 tanh units whose rows repeat: a thousand inputs, drawn again and again."""
    random = generator()
    rows = torch.tanh(torch.randn(1000, 128, generator=random))
    drawn = torch.randint(1000, (n,), generator=random)
    return rows[drawn], drawn % N_CLASSES


def made_states(n: int) -> tuple[Tensor, Tensor]:
    """Seven quantised tanh units of the n patterns of 0 and 1 (at most 2^16)."""
    patterns = ((torch.arange(n)[:, None] >> torch.arange(16)) & 1).double()
    weights = torch.randn(16, 7, generator=generator(), dtype=torch.float64) / 2
    t = torch.tanh((patterns - 0.5) @ weights)
    return est.quantise(t, n_levels=8, range=(-1, 1)), (t.sum(1) > 0).long()


def made_answers(n: int) -> tuple[Tensor, Tensor]:
    random = generator()
    y = torch.randint(N_CLASSES, (n,), generator=random)
    wrong = torch.rand(n, generator=random) < 0.3
    return y, torch.where(wrong, torch.randint(N_CLASSES, (n,), generator=random), y)


def binned(t: Tensor, y: Tensor, **options) -> Tensor:
    return torch.stack(est.binned_information(t, y, **options))


def binned_classes(t: Tensor, y: Tensor) -> Tensor:
    return torch.cat(est.binned_class_information(t, y, n_bins=10, range=(0, 1)))


def exact(states: Tensor, y: Tensor) -> Tensor:
    return torch.stack(est.exact_information(states, y))


def label_entropies(y_true: Tensor, y_predicted: Tensor) -> Tensor:
    return torch.cat(est.label_entropies(y_true, y_predicted, N_CLASSES))


def states_work(n: int, d: int) -> dict:
    return {"stream": 4 * n * d, "sort": 2 * n}


# ------------------------------------------------------------------------------------ Renyi

ALPHA = 1.01
D_X, D_MAP = 784, 196


def made_maps(n: int, n_maps: int) -> tuple[Tensor, Tensor]:
    """Inputs and feature maps at such distances that no entropy sits at an end of its scale."""
    random = generator()
    x = torch.randn(n, D_X, generator=random) * math.sqrt(50 / D_X)
    maps = torch.randn(n, n_maps, D_MAP, generator=random) * math.sqrt(50 / (n_maps * D_MAP))
    return x, maps


def widths(n: int) -> tuple[float, float]:
    return est.silverman_bandwidth(n, D_X, 5.0), est.silverman_bandwidth(n, D_MAP, 5.0)


def renyi_information(x: Tensor, maps: Tensor) -> Tensor:
    return est.renyi_mutual_information(x, maps, alpha=ALPHA, bandwidth=widths(len(x)))[None]


def renyi_others(x: Tensor, maps: Tensor, vectors: bool) -> list[float]:
    return rivals.renyi_per_map(x, maps, *widths(len(x)), ALPHA, vectors=vectors)


def renyi_ready(x: Tensor, maps: Tensor) -> tuple:
    return rivals.three_matrices(*as_double(x, maps), *widths(len(x)))


def renyi_work(n: int, n_maps: int) -> dict:
    distances, eigenvalues = n * n * (D_X + n_maps * D_MAP), 3 * 4 / 3 * n**3
    return {"product_float32": distances, "product_float64": eigenvalues, "exponential_float64": 2 * n * n / 2}


def renyi_case(n_maps: int, target: float) -> Case:
    against = (
        Rival(
            "torch: a Gram matrix a map, eigvalsh of three", partial(renyi_others, vectors=False), as_double,
            target=target,
        ),
        Rival("the same with eigh, as in the public code", partial(renyi_others, vectors=True), as_double),
        Rival(
            "its three eigenvalue problems alone", partial(rivals.eigenvalues_alone, alpha=ALPHA), renyi_ready,
            target=1 / 1.5, floor=True,
        ),
    )  # fmt: skip
    return Case(
        f"renyi_mi_{n_maps}", f"Rényi information, {n_maps} maps", (128, 512, 2_048),
        partial(made_maps, n_maps=n_maps), renyi_information, against, partial(renyi_work, n_maps=n_maps),
        "products of distances (half the pairs), 4/3 n^3 for each of three eigenvalue problems", small=100,
        tolerance=1e-5, because="the answer is float32", target_n=128,
    )  # fmt: skip


LENET5_SHAPES = ((6, 784), (6, 196), (16, 196), (16, 49), (120,), (84,))  # C1, P1, C2, P2, F1, F2: maps, values


def made_chain(n: int) -> tuple[Tensor, ...]:
    """Inputs, and six layers shaped like LeNet-5's, at distances such that no entropy sits at an end of its scale."""
    random = generator()
    shapes = ((D_X,), *LENET5_SHAPES)
    return tuple(torch.randn(n, *shape, generator=random) * math.sqrt(50 / math.prod(shape)) for shape in shapes)


def chain_widths(data: tuple[Tensor, ...]) -> list[float]:
    return [est.silverman_bandwidth(len(each), each.shape[-1], 5.0) for each in data]


def renyi_chains(x: Tensor, *layers: Tensor) -> Tensor:
    """Both directions: the same work twice, once as activations and once as error signals."""
    s_x, *s_layers = chain_widths((x, *layers))
    both = [est.renyi_chain([x], layers, alpha=ALPHA, bandwidth=([s_x], s_layers)).information[0] for _ in range(2)]
    return torch.cat(both)


def renyi_chains_layer_by_layer(x: Tensor, *layers: Tensor) -> list[float]:
    s_x, *s_layers = chain_widths((x, *layers))
    found = []
    for layer, s in [*zip(layers, s_layers, strict=True)] * 2:
        maps = layer if layer.ndim == 3 else layer.unsqueeze(1)
        found += rivals.renyi_per_map(x, maps, s_x, s, ALPHA, vectors=True)
    return found


def chains_work(n: int) -> dict:
    values = D_X + sum(map(math.prod, LENET5_SHAPES))
    eigenvalues = 2 * 13 * 4 / 3 * n**3
    return {"product_float32": 2 * n * n * values, "product_float64": eigenvalues, "exponential_float64": 7 * n * n}


def made_points(n: int, d: int) -> tuple[Tensor]:
    return (torch.randn(n, d, generator=generator()) / math.sqrt(d),)


def renyi_2(x: Tensor) -> Tensor:
    return est.renyi_entropy(x, alpha=2, bandwidth=1.0)[None]


def stochastic_renyi(x: Tensor) -> Tensor:
    return est.stochastic_renyi_entropy(x, alpha=ALPHA, bandwidth=1.0).entropy[None]


def renyi_2_work(n: int, d: int) -> dict:
    return {"product_float32": n * n / 2 * 2 * d, "exponential_float32": n * n / 2}


def stochastic_work(n: int, d: int) -> dict:
    """22 passes over the pairs, each with 48 probes, or 32 in the two passes before."""
    products = n * n / 2 * 2 * d * 22 + n * n * 2 * (20 * 48 + 2 * 32)
    return {"product_float64": products, "exponential_float64": 22 * n * n / 2}


# ------------------------------------------------------------------------------------ neighbours

K, K_INTER = 3, 15


def made_pairs(n: int, d: int) -> tuple[Tensor, Tensor]:
    """d + d normal variables, correlation 0.6 in each of the first two pairs, in float32 as activations are."""
    random = generator()
    x, noise = (torch.randn(n, d, generator=random) for _ in range(2))
    rho = torch.where(torch.arange(d) < 2, 0.6, 0.0)
    return x, rho * x + (1 - rho**2).sqrt() * noise


def ksg(x: Tensor, y: Tensor) -> Tensor:
    return est.ksg_mutual_information(x, y, n_neighbors=K)[None]


def kozachenko_leonenko(x: Tensor) -> Tensor:
    return est.kozachenko_leonenko_entropy(x, n_neighbors=K)[None]


def inter_sample(x: Tensor) -> Tensor:
    return est.inter_sample_entropy(x, n_neighbors=K_INTER)[None]


def maximum_norm_work(n: int, d: int) -> dict:
    """Subtract, absolute value, maximum: for every feature and pair."""
    return {"elementwise_float32": 3 * d * n * n / 2}


# ------------------------------------------------------------------------------------ maps

N_CHANNELS, N_BINS, SIDE = 64, 32, 8


def made_channels(n: int, n_variables: int = 1, side: int = SIDE) -> tuple:
    """Feature maps after a ReLU, ten classes: (n, channels, side, side)."""
    random = generator()
    y = torch.arange(n) % N_CLASSES
    shape = (N_CHANNELS, side, side)
    return tuple(
        torch.relu(torch.randn(N_CLASSES, *shape, generator=random)[y] + torch.randn(n, *shape, generator=random))
        for _ in range(n_variables)
    )


def capacity(maps_a: Tensor, maps_b: Tensor) -> Tensor:
    return est.channel_capacity(maps_a, maps_b, n_bins=N_BINS).flatten()


def intra_sample(maps: Tensor) -> Tensor:
    return est.intra_sample_entropy(maps, n_bins=N_BINS)


def capacity_work(n: int) -> dict:
    pairs = n * (n - 1) / 2
    return {"product_float64": 2 * N_CHANNELS * pairs * 2 * SIDE**2, "tally": pairs * N_CHANNELS**2}


def intra_work(n: int) -> dict:
    values = n * N_CHANNELS * 16 * 16
    return {"stream": 4 * values, "elementwise_float32": 4 * values, "tally": values}


# ------------------------------------------------------------------------------------ mixtures


def made_centres(n: int) -> tuple[Tensor, Tensor]:
    """One tanh unit of n inputs in two classes."""
    y = torch.arange(n) % 2
    values = torch.randn(n, generator=generator(), dtype=torch.float64) + y
    return torch.tanh(values)[:, None], y


def mixture(centres: Tensor, y: Tensor) -> Tensor:
    return torch.stack(est.mixture_information(centres, y, noise_variance=0.01))


def mixture_work(n: int) -> dict:
    """Values of tanh in (-1, 1), noise 0.1: 38 standard deviations with their margins, 16 places in each."""
    kernels = 2 * n * 38 * 16  # all centres, and each class alone
    return {"exponential_float64": kernels, "elementwise_float64": 3 * kernels, "product_float64": 2 * kernels}


# ------------------------------------------------------------------------------------ the cases

EXACT = "both exact but for the rounding of float64"
UNIQUE = "numpy.unique(axis=0)"

CASES = (
    kde_case(
        "kde", "kernel bounds, d = 784", 784, (1_250, 5_000, 20_000, 80_000), 25.0, target_n=5_000, target_share=0.3
    ),
    kde_case("kde_narrow", "kernel bounds, d = 49", 49, (1_000, 4_000, 16_000)),
    Case(
        "binned_softmax", "binned softmax", (60_000, 240_000, 960_000), made_softmax,
        partial(binned, n_bins=10, range=(0, 1)),
        (Rival(UNIQUE, partial(rivals.binned_unique_rows, n_bins=10, low=0.0, high=1.0), target=5.0),),
        partial(states_work, d=N_CLASSES), "activations read once, two sorts of n", because="answers are float32",
        target_n=60_000,
    ),
    Case(
        "binned_classes", "binned softmax, each class", (10_000, 40_000, 160_000), made_softmax, binned_classes,
        (Rival(UNIQUE, partial(rivals.binned_classes_unique_rows, n_bins=10, low=0.0, high=1.0)),),
        partial(states_work, d=N_CLASSES), "activations read once, two sorts of n", because="answers are float32",
    ),
    Case(
        "binned_layer", "binned layer, 128 units", (10_000, 40_000, 160_000), made_layer, partial(binned, n_bins=30),
        (Rival(UNIQUE, partial(rivals.binned_unique_rows, n_bins=30)),),
        partial(states_work, d=128), "activations read once, two sorts of n", because="answers are float32",
    ),
    Case(
        "exact", "exact information", (4_096, 16_384, 65_536), made_states, exact, (Rival(UNIQUE, rivals.unique_rows),),
        partial(states_work, d=14), "64-bit states read once, two sorts of n", tolerance=1e-9, because=EXACT,
    ),
    Case(
        "label_entropies", "label entropies", (10_000, 40_000, 160_000), made_answers, label_entropies,
        (Rival("sklearn confusion_matrix, entropy a row", rivals.label_entropies),),
        lambda n: {"tally": n}, "n increments", tolerance=1e-9, because=EXACT,
    ),
    renyi_case(16, 3.0),
    renyi_case(64, 5.0),
    Case(
        "renyi_2", "Rényi entropy, alpha = 2", (2_000, 8_000, 32_000), partial(made_points, d=784), renyi_2,
        (Rival("numpy: one Gram matrix, its squares summed", partial(rivals.renyi_2_by_numpy, s=1.0)),),
        partial(renyi_2_work, d=784), "products and exponentials of half the pairs", because="the answer is float32",
    ),
    Case(
        "stochastic_renyi", "Rényi entropy by probes", (2_000, 8_000, 32_000), partial(made_points, d=64),
        stochastic_renyi,
        (Rival("torch: eigvalsh of the Gram matrix",
               partial(rivals.renyi_by_eigenvalues, s=1.0, alpha=ALPHA), as_double),),
        partial(stochastic_work, d=64), "products and exponentials of 22 passes over half the pairs",
        tolerance=0.3, because="random probes: four of the standard errors of 0.08 that it states itself",
    ),
    Case(
        "renyi_chains", "Rényi, both chains of LeNet-5", (128, 512, 2_048), made_chain, renyi_chains,
        (Rival("torch: layer by layer, eigh, as in the public code", renyi_chains_layer_by_layer, as_double),),
        chains_work, "products of distances, 4/3 n^3 for each of 26 eigenvalue problems", small=50, tolerance=1e-5,
        because="the answer is float32",
    ),
    Case(
        "ksg_1", "KSG, 1 + 1", (5_000, 20_000, 80_000), partial(made_pairs, d=1), ksg,
        (Rival("sklearn mutual_info_regression", partial(rivals.ksg_by_sklearn, k=K),
               compared=partial(rivals.ksg_by_sklearn_unscaled, k=K), target=1.0),),
        lambda n: {"sort": 3 * n}, "three sorts of n; the search in the tree is not counted", target_n=5_000,
    ),
    Case(
        "ksg_2", "KSG, 2 + 2", (5_000, 20_000, 80_000), partial(made_pairs, d=2), ksg,
        (Rival("sklearn trees, as in NPEET", partial(rivals.ksg_by_trees, k=K)),),
        lambda n: {"sort": 3 * n}, "three sorts of n; the search in the trees is not counted",
    ),
    Case(
        "ksg_20", "KSG, 20 + 20", (1_250, 5_000, 20_000, 80_000), partial(made_pairs, d=20), ksg,
        (Rival("numpy: distance matrices, argpartition", partial(rivals.ksg_by_matrices, k=K), target=5.0),
         Rival("sklearn trees, as in NPEET", partial(rivals.ksg_by_trees, k=K))),
        partial(maximum_norm_work, d=40), "subtract, absolute value, maximum for each feature of half the pairs",
        target_n=5_000,
    ),
    Case(
        "kozachenko_leonenko", "neighbour entropy, d = 2", (5_000, 20_000, 80_000), partial(made_points, d=2),
        kozachenko_leonenko, (Rival("sklearn tree, as in NPEET", partial(rivals.kozachenko_leonenko_by_tree, k=K)),),
        lambda n: {"sort": n}, "one sort of n; the search in the tree is not counted",
    ),
    Case(
        "kozachenko_leonenko_20", "neighbour entropy, d = 20", (1_250, 5_000, 20_000, 80_000),
        partial(made_points, d=20), kozachenko_leonenko,
        (Rival("sklearn tree, as in NPEET", partial(rivals.kozachenko_leonenko_by_tree, k=K)),),
        partial(maximum_norm_work, d=20), "subtract, absolute value, maximum for each feature of half the pairs",
    ),
    Case(
        "inter_sample", "inter-sample entropy", (2_500, 10_000, 40_000, 160_000), partial(made_points, d=784),
        inter_sample,
        (Rival("sklearn neighbours, a bisection a point", partial(rivals.inter_sample_by_bisection, k=K_INTER),
               target=5.0),),
        lambda n: {"product_float32": n * n / 2 * 2 * 784, "elementwise_float32": n * n},
        "products of half the pairs, one comparison for each pair", target_n=10_000,
    ),
    Case(
        "intra_sample", "intra-sample entropy", (500, 2_000, 8_000), partial(made_channels, side=16), intra_sample,
        (Rival("a loop of numpy.histogram", partial(rivals.intra_sample_by_histogram, n_bins=N_BINS)),),
        intra_work, "values read once, four operations and one increment for each", small=40,
        tolerance=2e-3, because="a value on the edge of two bins falls into either",
    ),
    Case(
        "channel_capacity", "channel capacity, 64 x 64", (125, 500, 2_000, 8_000),
        partial(made_channels, n_variables=2), capacity,
        (Rival("pdist, a loop of numpy.histogram2d",
               partial(rivals.capacity_by_histogram2d, n_bins=N_BINS), target=50.0),),
        capacity_work, "products of distances, one increment for each pair of samples and of channels", small=40,
        tolerance=2e-3, because="a distance on the edge of two bins falls into either", target_n=500,
    ),
    Case(
        "mixture", "mixture by quadrature", (256, 1_024, 4_096), made_centres, mixture,
        (Rival("scipy.integrate.quad of the density", partial(rivals.mixture_by_quad, noise_variance=0.01)),),
        mixture_work, "exponential, three operations and a product for each centre and place",
        small=100, tolerance=1e-6, because="quad's own tolerance",
    ),
)  # fmt: skip

BY_NAME = {case.name: case for case in CASES}
