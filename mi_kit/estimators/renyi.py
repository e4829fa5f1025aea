"""Matrix-based Rényi entropy: information from the eigenvalues of a kernel matrix, without a density."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from . import inputs
from .kde import _full_precision, _minus_half_squared_distances, _needs_double
from .threads import in_threads

TILE_ELEMENTS = 1 << 18  # kernel values at a time, where the whole matrix is not needed
ROUNDING = 2e-6  # largest error of an exponent in float32; information is then right to 1e-5 bits (measured)
MOST_SAMPLES = 8192  # of a matrix whose eigenvalues are wanted: 512 MB in float64


class RenyiEstimate(NamedTuple):
    """An entropy in bits, with the two errors of the method, also in bits.

    probe_error: standard error over the random probes. lanczos_error: how far the quadrature can be off, for these
    probes.
    """

    entropy: Tensor
    probe_error: Tensor
    lanczos_error: Tensor


class RenyiChain(NamedTuple):
    """What some variables share with the layers of a chain, in bits; with several orders, a leading axis numbers them.

    information: (..., variables, layers) I(X; T_k). of_variables: (..., variables) S(X). of_layers: (..., layers)
    S(T_k).
    """

    information: Tensor
    of_variables: Tensor
    of_layers: Tensor


def renyi_entropy(x, *, alpha=1.01, bandwidth, tile_elements: int = TILE_ELEMENTS) -> Tensor:
    """S_alpha(X) = 1/(1 - alpha) log2 tr(A^alpha), A the kernel matrix of X divided by n, in bits.

    x: (..., n, d), leading dimensions are batch. The kernel is exp(-|x_i - x_j|^2 / (2 s^2)).
    alpha: order > 0, or several (a leading axis of the result); 1 is the von Neumann entropy, the limit.
    bandwidth: s > 0, or a tensor of the batch shape. There is no default: the answer is as much a matter of s as of X
    (`silverman_bandwidth` is what Yu et al. use). tile_elements: how many kernel values are held at a time where the
    whole matrix is not needed (alpha = 2); the answer does not depend on it.

    Returns a tensor (...), of x's device and dtype; eigenvalues are taken in float64.
    Raises ValueError for bad shapes, values or arguments, and above 8,192 samples where alpha is not 2: the
    eigenvalues need the whole matrix. `stochastic_renyi_entropy` takes any n.

    What it measures: how many groups of samples the kernel tells apart: 0 for identical samples, log2 c for c equal
    far clusters, log2 n when every sample is alone. With a small s or in high dimension it sits at log2 n, with a large
    s at 0, and says nothing of X in both cases. It is no estimate of Shannon's entropy and does not tend to one with n.
    Below alpha = 0.5 eigenvalues that are only rounding error begin to count. Time: n^3, but n^2 d for alpha = 2.

    Source: Sanchez Giraldo, Rao and Principe (2015), definition 1; Yu et al. (2018), eq. 1.
    """
    return renyi_joint_entropy([x], alpha=alpha, bandwidth=_as_list(bandwidth), tile_elements=tile_elements, _names="x")


def renyi_joint_entropy(
    variables, *, alpha=1.01, bandwidth, tile_elements: int = TILE_ELEMENTS, _names: str = "variables"
) -> Tensor:
    """S_alpha of several variables together: of the Hadamard product of their kernel matrices, trace 1, in bits.

    variables: a tensor (..., n, C, d) of C variables (the feature maps of a layer), or a sequence of tensors
    (..., n, d_c) whose batch dimensions broadcast (nested lists count as such a sequence). bandwidth: one s for all, or
    a sequence of C, each a number or a tensor of the batch shape. alpha, tile_elements, returns and raises: as
    `renyi_entropy`.

    Exponents add: the product of C Gaussian kernels is one Gaussian kernel of the scaled, concatenated variables, so C
    matrices are never made. Never below the entropy of any of its variables; not always at most their sum
    (see `renyi_mutual_information`).

    Source: Sanchez Giraldo et al. (2015), definition 2; Yu et al. (2018), eqs. 2 and 3.
    """
    points = _scaled(_names, variables, bandwidth)
    orders, several = _orders(alpha)
    entropies = _entropies(points, orders, inputs.whole("tile_elements", tile_elements, 1), _names).to(points.dtype)
    return entropies if several else entropies[0]


def renyi_mutual_information(x, maps, *, alpha=1.01, bandwidth, tile_elements: int = TILE_ELEMENTS) -> Tensor:
    """I_alpha(X; {T^1 .. T^C}) = S(X) + S(T^1 .. T^C) - S(X, T^1 .. T^C), in bits.

    x: (..., n, d_x). maps: (..., n, C, d) for the C feature maps of a layer, or a sequence of variables (..., n, d_c);
    one variable t with batch dimensions is [t], one without, (n, d), may come as it is. Batch dimensions broadcast:
    one x serves the maps of many epochs.
    bandwidth: s for all, or (s_x, s_maps), where s_maps is one for all maps or a sequence of C.
    alpha, tile_elements, returns and raises: as `renyi_entropy`.

    What it measures: a difference of three entropies of one kernel each; see `renyi_entropy` for what s does to them.
    It is at most min(S(X), S(T)), but can be negative: the joint entropy is at most the sum of the two at alpha = 1,
    for large n no longer at 1.1, and at alpha = 2 not even for twenty samples (X puts 1-10 into one cluster, Y 11-20,
    all others far apart: I = -0.597 bits). It does not vanish for independent variables either: with n samples and a
    small s both marginals and the joint are near log2 n, and so is I.

    Source: Yu, Jenssen and Principe (2018), eq. 5.
    """
    s_x, s_maps = bandwidth if _is_pair(bandwidth) else (bandwidth, bandwidth)
    of_x = _scaled("x", [x], _as_list(s_x))
    variables = [maps] if _is_one_variable(maps) else maps
    of_maps = _scaled("maps", variables, _as_list(s_maps) if _is_one_variable(maps) else s_maps)
    if of_x.shape[-2] != of_maps.shape[-2]:
        raise ValueError(f"maps must have as many samples as x, n={of_x.shape[-2]}; got n={of_maps.shape[-2]}.")
    orders, several = _orders(alpha)
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    found = _information(of_x, of_maps, orders, tile_elements)
    found = found.to(torch.promote_types(of_x.dtype, of_maps.dtype))
    return found if several else found[0]


def renyi_chain(variables, layers, *, alpha=1.01, bandwidth) -> RenyiChain:
    """I_alpha(X; T_k) of every variable X with every layer T_k of a network, and all their entropies, in bits.

    variables: a sequence of tensors (..., n, d): the input, the labels, an error signal. layers: a sequence of
    tensors with the same batch dimensions, each (..., n, d) or, for C feature maps, (..., n, C, d).
    bandwidth: (one for each variable, one for each layer); that of a layer of maps is one for all maps or a sequence of
    C. alpha: as `renyi_entropy`.

    The same numbers as `renyi_mutual_information` for each pair; every entropy is computed once, and all eigenvalues
    are taken in one call. Raises ValueError as `renyi_mutual_information` does.

    Source: Yu, Jenssen and Principe (2018), eq. 7 and Figure 1.
    """
    variables, layers = list(variables), list(layers)
    if not variables or not layers:
        raise ValueError(f"variables and layers must hold at least one each; got {len(variables)} and {len(layers)}.")
    sizes = [len(each) for each in bandwidth] if _is_pair(bandwidth) and all(map(_is_list, bandwidth)) else bandwidth
    if sizes != [len(variables), len(layers)]:
        wanted = f"({len(variables)} for the variables, {len(layers)} for the layers)"
        raise ValueError(f"bandwidth must be two sequences {wanted}; got {sizes!r}.")
    of_variables, of_layers = bandwidth
    n_dimensions = inputs.tensor_of("variables", variables[0]).ndim
    points = [_scaled("variables", [each], _as_list(s)) for each, s in zip(variables, of_variables, strict=True)]
    for layer, s in zip(layers, of_layers, strict=True):
        maps = inputs.tensor_of("layers", layer).ndim > n_dimensions
        points.append(_scaled_maps("layers", layer, s) if maps else _scaled("layers", [layer], _as_list(s)))
    shapes = {tuple(each.shape[:-1]) for each in points}
    if len(shapes) > 1:
        raise ValueError(f"layers must have the batch dimensions and samples of the variables; got {sorted(shapes)}.")
    *batch, n = shapes.pop()
    _check_size("variables", n)
    orders, several = _orders(alpha)
    grams = torch.stack([_grams(each.reshape(-1, n, each.shape[-1])) for each in points])  # (all, batch, n, n)
    single, v = grams, len(variables)
    joint = (single[:v, None] * single[None, v:]).flatten(0, 1)
    entropies = _entropies_of_grams(torch.cat([single, joint]).flatten(0, 1), orders)
    dtype = torch.float64 if any(each.dtype == torch.float64 for each in points) else torch.float32
    entropies = entropies.reshape(len(orders), -1, math.prod(batch)).movedim(1, 2).to(dtype)
    of_v, of_l, of_both = entropies.split([v, len(layers), v * len(layers)], dim=-1)
    of_both = of_both.unflatten(-1, (v, len(layers)))
    found = RenyiChain(of_v[..., :, None] + of_l[..., None, :] - of_both, of_v, of_l)
    found = [each.reshape(len(orders), *batch, *each.shape[2:]) for each in found]
    return RenyiChain(*(found if several else [each[0] for each in found]))


def silverman_bandwidth(n: int, d: int, h: float, *, exponent_offset: float = 4) -> float:
    """s = h n^(-1 / (exponent_offset + d)): the bandwidth that shrinks with n, slower in high dimension.

    exponent_offset: 4 as in Silverman's rule; Yu et al. (2018, section II) print 1, with h = 5 for activations and
    0.1 for error signals. Raises ValueError for n or d below 1, and for h or exponent_offset + d not above 0.
    """
    n, d = inputs.whole("n", n, 1), inputs.whole("d", d, 1)
    h = inputs.positive("h", h)
    real = isinstance(exponent_offset, numbers.Real) and not isinstance(exponent_offset, bool)
    if not (real and math.isfinite(exponent_offset) and exponent_offset + d > 0):
        raise ValueError(
            f"exponent_offset must be finite and above -d = {-d}; got exponent_offset={exponent_offset!r}."
        )
    return float(h * n ** (-1 / (exponent_offset + d)))


def stochastic_renyi_entropy(
    variables,
    *,
    alpha: float = 1.01,
    bandwidth,
    n_leading: int = 32,
    n_probes: int = 16,
    n_steps: int = 20,
    seed: int = 0,
    tile_elements: int = TILE_ELEMENTS,
) -> RenyiEstimate:
    """S_alpha for large n, in bits, with its error: the trace by random probes, the matrix never stored.

    variables: (n, d), or a sequence of (n, d_c) whose joint entropy is wanted. bandwidth: s, or one for each.
    alpha: order > 0. n_leading: directions of the largest eigenvalues, whose share is not left to chance. n_probes:
    random sign vectors for the rest; the error falls with their square root. n_steps: Lanczos steps, each one pass over
    all pairs. seed: of the probes. tile_elements: kernel values held at a time.

    Returns `RenyiEstimate`: 0-dimensional tensors. For alpha = 2, and for n up to 4 (n_leading + n_probes), it is exact
    and the errors are 0.
    Raises ValueError for bad shapes, values or arguments.

    Why it is stable near alpha = 1: S = log2(tr A^alpha) / (1 - alpha) magnifies an error of tr A^alpha by
    1 / (1 - alpha). But tr A = 1 is known, so only tr(A^alpha - A) is estimated, which itself shrinks like 1 - alpha.
    When it fails: for alpha below about 0.7 small eigenvalues count that few Lanczos steps do not resolve; the entropy
    is then too large by up to `lanczos_error` (a bound, the distance to a quadrature that errs to the other side),
    which n_steps makes smaller. `probe_error` is an estimate. Memory: linear in n at a fixed tile.
    Time: (n_steps + 2) n^2 (d + n_leading + n_probes) / 2 multiplications.

    Source: Meyer, Musco, Musco and Woodruff (2021), Hutch++; Ubaru, Chen and Saad (2017) for the quadrature; Golub and
    Meurant (1994) for its bound; Sanchez Giraldo et al. (2015) for the entropy.
    """
    sequence = isinstance(variables, Sequence) and not _is_one_variable(variables)
    each = list(variables) if sequence else [variables]
    points = _scaled("variables", each, bandwidth if sequence else [bandwidth])
    dtype, points = points.dtype, points.double()
    if points.ndim != 2:
        raise ValueError(f"variables must have the shape (n, d); got shape={tuple(points.shape)}.")
    (order, *_), several = _orders(alpha)
    if several:
        raise ValueError(f"alpha must be one number here; got alpha={alpha!r}.")
    n_leading, n_probes = inputs.whole("n_leading", n_leading, 1), inputs.whole("n_probes", n_probes, 2)
    n_steps, seed = inputs.whole("n_steps", n_steps, 3), inputs.whole("seed", seed, 0)
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    if len(points) <= min(4 * (n_leading + n_probes), MOST_SAMPLES) and order != 2:
        entropy, errors = _entropies_of_grams(_grams(points[None]), [order])[0, 0], points.new_zeros(2)
    elif order == 2:
        entropy, errors = -torch.log2(_square_traces(points[None], tile_elements)[0]), points.new_zeros(2)
    else:
        traces, beyond, error = _traces(points, order, n_leading, n_probes, n_steps, seed, tile_elements)
        entropy = _of_trace(traces, order)
        errors = torch.stack([(_of_trace(traces + error, order) - entropy), _of_trace(beyond, order) - entropy]).abs()
    return RenyiEstimate(*(value.to(dtype) for value in (entropy, *errors)))


# ------------------------------------------------------------------------------------ arguments


def _orders(alpha) -> tuple[list[float], bool]:
    rule = "alpha must be finite and larger than 0, one or several"
    several = not isinstance(alpha, (str, bytes)) and (isinstance(alpha, Sequence) or getattr(alpha, "ndim", 0) > 0)
    try:
        orders = [inputs.positive("alpha", getattr(each, "item", lambda each=each: each)()) for each in
                  (alpha if several else [alpha])]  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}; got alpha={alpha!r}.") from error
    if not orders:
        raise ValueError(f"{rule}; got alpha={alpha!r}.")
    return orders, several


def _is_one_variable(maps) -> bool:
    """Whether `maps` is one variable: a tensor (n, d), or lists of numbers of that shape."""
    return getattr(maps, "ndim", 0) == 2 or (isinstance(maps, Sequence) and _depth(maps) == 2)


def _depth(value) -> int:
    """How many dimensions nested lists have, tensors in them included."""
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return 1 + (_depth(value[0]) if len(value) else 0)
    return getattr(value, "ndim", 0)


def _is_pair(bandwidth) -> bool:
    return _is_list(bandwidth) and len(bandwidth) == 2


def _is_list(value) -> bool:
    return isinstance(value, (tuple, list))


def _as_list(bandwidth) -> list:
    return [bandwidth]


def _scaled(name: str, variables, bandwidth) -> Tensor:
    """All variables in units of their bandwidths, side by side and centred: (..., n, D), float32 or float64."""
    if not isinstance(variables, Sequence):
        return _scaled_maps(name, variables, bandwidth)
    if not len(variables):
        raise ValueError(f"{name} must hold at least one variable; got none.")
    each = [inputs.samples(name, variable) for variable in variables]
    sizes = {variable.shape[-2] for variable in each}
    if len(sizes) > 1:
        raise ValueError(f"{name} must all have the same number of samples; got n={sorted(sizes)}.")
    widths = _widths(bandwidth, len(each))
    scaled = [
        (variable - variable.mean(-2, keepdim=True)).div_(_width(width, variable))
        for variable, width in zip(each, widths, strict=True)
    ]
    if len(scaled) == 1:
        return scaled[0]
    batch = _broadcast(name, *(variable.shape[:-2] for variable in scaled))
    return torch.cat([variable.expand(*batch, *variable.shape[-2:]) for variable in scaled], dim=-1)


def _scaled_maps(name: str, maps, bandwidth) -> Tensor:
    """The same for one tensor (..., n, C, d), in one piece: many times faster than map by map."""
    maps = inputs.tensor_of(name, maps)
    if maps.ndim < 3 or 0 in maps.shape[-2:]:
        raise ValueError(f"{name} must have the shape (..., n, C, d); got shape={tuple(maps.shape)}.")
    joined = inputs.samples(name, maps.flatten(-2))
    widths = _widths(bandwidth, maps.shape[-2])
    joined = joined - joined.mean(-2, keepdim=True)
    if all(width is widths[0] for width in widths):
        return joined.div_(_width(widths[0], joined))
    of_map = [
        torch.as_tensor(_width(width, joined), dtype=torch.float64).expand(*joined.shape[:-2], 1, 1) for width in widths
    ]
    joined.unflatten(-1, maps.shape[-2:]).div_(torch.cat(of_map, -2).unsqueeze(-3).to(joined))
    return joined


def _widths(bandwidth, n_variables: int) -> list:
    widths = list(bandwidth) if isinstance(bandwidth, (tuple, list)) else [bandwidth] * n_variables
    if len(widths) != n_variables:
        raise ValueError(f"bandwidth must be one for all or one for each of {n_variables}; got {len(widths)}.")
    return widths


def _width(width, variable: Tensor) -> float | Tensor:
    """A bandwidth that divides (..., n, d)."""
    if isinstance(width, numbers.Real):
        return inputs.positive("bandwidth", width)
    rule = "bandwidth must be finite and larger than 0, a number or a tensor of the batch shape"
    try:
        given = inputs.doubles("bandwidth", width).to(variable.device)
    except ValueError as error:
        raise ValueError(f"{rule}; got bandwidth={width!r}.") from error
    fits = given.ndim == 0 or given.shape == variable.shape[:-2]
    if not fits or not (torch.isfinite(given) & (given > 0)).all():
        raise ValueError(f"{rule}; got bandwidth={width!r}.")
    return given[..., None, None].to(variable.dtype)


def _broadcast(name: str, *batches) -> torch.Size:
    if len(set(batches)) == 1:
        return batches[0]
    try:
        return torch.broadcast_shapes(*batches)
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(batch)) for batch in batches)
        raise ValueError(f"{name} must have batch dimensions that broadcast; got {shapes}.") from error


# ------------------------------------------------------------------------------------ entropies


def _entropies(points: Tensor, orders: list[float], tile_elements: int, name: str) -> Tensor:
    """(orders, ...) entropies of scaled points (..., n, D)."""
    batch, (n, d) = points.shape[:-2], points.shape[-2:]
    flat = points.reshape(-1, n, d)
    squares = _square_traces(flat, tile_elements) if 2 in orders else None
    needed = [order for order in orders if order != 2]
    eigenvalues = _eigenvalues(_check_size(name, n) and _grams(flat)) if needed else None
    results = [-torch.log2(squares) if order == 2 else _entropy(eigenvalues, order) for order in orders]
    return torch.stack(results).reshape(len(orders), *batch)


def _information(x: Tensor, maps: Tensor, orders: list[float], tile_elements: int) -> Tensor:
    """(orders, ...) of S(X) + S(T) - S(X, T): all three kernels at once, the joint one as the product of the others."""
    batch = _broadcast("maps", x.shape[:-2], maps.shape[:-2])
    if orders == [2.0]:
        joint = torch.cat([each.expand(*batch, *each.shape[-2:]) for each in (x, maps)], dim=-1)
        s_x, s_maps, s_joint = (_entropies(each, orders, tile_elements, "x")[0] for each in (x, maps, joint))
        return (s_x + s_maps - s_joint).unsqueeze(0)
    n = x.shape[-2]
    _check_size("x", n)
    of_x, of_maps = (_grams(each.reshape(-1, n, each.shape[-1])).reshape(*each.shape[:-2], n, n) for each in (x, maps))
    joint = of_x * of_maps
    sizes = [each.shape[:-2] for each in (of_x, of_maps, joint)]
    together = torch.cat([each.flatten(0, -3) if each.ndim > 2 else each[None] for each in (of_x, of_maps, joint)])
    entropies = _entropies_of_grams(together, orders).split([math.prod(size) for size in sizes], dim=1)
    s_x, s_maps, s_joint = (
        each.reshape(len(orders), *[1] * (len(batch) - len(size)), *size)
        for each, size in zip(entropies, sizes, strict=True)
    )
    return s_x + s_maps - s_joint


def _entropies_of_grams(grams: Tensor, orders: list[float]) -> Tensor:
    n = grams.shape[-1]
    eigenvalues = _eigenvalues(grams) if set(orders) != {2.0} else None
    results = []
    for order in orders:
        squares = (grams / n).square().sum((-2, -1)) if order == 2 else None
        results.append(-torch.log2(squares) if order == 2 else _entropy(eigenvalues, order))
    return torch.stack(results)


def _check_size(name: str, n: int) -> bool:
    if n > MOST_SAMPLES:
        raise ValueError(
            f"{name} must have at most {MOST_SAMPLES:,} samples where alpha is not 2 (eigenvalues need the whole "
            f"matrix; stochastic_renyi_entropy takes any n); got n={n}."
        )
    return True


def _grams(points: Tensor) -> Tensor:
    """Kernel matrices exp(-|a_i - a_j|^2 / 2) of points in units of their bandwidth: (batch, n, D) -> (batch, n, n)."""
    with _full_precision(points.device.type):
        products = torch.bmm(points, points.transpose(1, 2))
        if points.dtype == torch.float32 and products.numel() and _rounds_too_much(products):
            products = torch.bmm(points.double(), points.double().transpose(1, 2))
    half_norms = products.diagonal(dim1=1, dim2=2).double() / 2  # of a product with itself: the diagonal becomes 0
    halves = products.double() - half_norms.unsqueeze(1) - half_norms.unsqueeze(2)
    return halves.clamp_(max=0).exp_()


def _rounds_too_much(products: Tensor) -> bool:
    """Whether the rounding of a float32 product would reach the exponents."""
    largest = float(products.diagonal(dim1=1, dim2=2).max())
    return torch.finfo(products.dtype).eps * largest / 2 > ROUNDING


def _precise(points: Tensor) -> Tensor:
    """In float64 where the rounding of a float32 product would reach the exponents."""
    return points.double() if points.numel() and _needs_double(points, 1.0) else points


def _square_traces(points: Tensor, tile_elements: int) -> Tensor:
    """tr(A^2) = the mean of the squared kernel values, tile by tile: (batch, n, D) -> (batch,)."""
    n = points.shape[1]
    tile = max(1, min(n, math.isqrt(tile_elements)))
    totals = []
    with _full_precision(points.device.type):
        for one in _precise(points).unsqueeze(1):  # (1, n, D)
            norms, total = one.square().sum(-1), torch.zeros((), dtype=torch.float64, device=one.device)
            for i in range(0, n, tile):
                for j in range(i, n, tile):
                    rows, columns = slice(i, i + tile), slice(j, j + tile)
                    halves = _minus_half_squared_distances(one, norms, rows, columns)
                    total = total + (2 if j > i else 1) * halves.mul_(2).exp_().sum(dtype=torch.float64)
            totals.append(total)
    return torch.stack(totals) / n**2 if totals else points.new_zeros(0)


def _eigenvalues(grams: Tensor) -> Tensor:
    """Eigenvalues of A = gram / n, at least 0 and with the sum 1: (batch, n, n) -> (batch, n)."""
    # each by one thread: LAPACK's own threads gain little, and change the last bits; a GPU takes all at once
    parts = grams.chunk(torch.get_num_threads() if grams.device.type == "cpu" else 1)
    values = torch.cat(in_threads(torch.linalg.eigvalsh, parts, grams.device)).clamp_(min=0)
    return values / values.sum(-1, keepdim=True)


def _entropy(eigenvalues: Tensor, order: float) -> Tensor:
    """(batch, n) -> (batch,). Near a = 1 as log2(1 + sum(l^a - l)) / (1 - a): the sum is small where 1 - a is."""
    if order == 1:
        return torch.special.entr(eigenvalues).sum(-1) / math.log(2)
    if _is_near_one(order):
        logarithm = torch.log1p(_excess(eigenvalues, order).sum(-1))
    else:
        logarithm = torch.logsumexp(order * torch.log(eigenvalues), -1)  # l^a of a large order would underflow
    return logarithm / ((1 - order) * math.log(2))


def _is_near_one(order: float) -> bool:
    """Whether tr(A^a - A) is estimated rather than tr A^a, which is more exact farther away."""
    return abs(order - 1) < 0.2


def _excess(values: Tensor, order: float) -> Tensor:
    """l^a - l without cancellation near a = 1; 0 for l = 0."""
    logarithms = torch.log(torch.where(values > 0, values, torch.ones_like(values)))
    return torch.where(values > 0, values * torch.expm1((order - 1) * logarithms), torch.zeros_like(values))


# ------------------------------------------------------------------------------------ large n


def _traces(points, order, n_leading, n_probes, n_steps, seed, tile_elements) -> tuple[Tensor, Tensor, Tensor]:
    """tr f(A) of `_of_trace`, the same erring to the other side, and the standard error over the probes.

    Exact in the space of `n_leading` directions of large eigenvalues, random in the rest of it (Hutch++).
    """
    n = len(points)
    generator = torch.Generator().manual_seed(seed)
    n_leading = min(n_leading, n - 1)
    signs = torch.randint(0, 2, (n, n_leading + n_probes), generator=generator).to(points) * 2 - 1
    leading, probes = signs[:, :n_leading], signs[:, n_leading:]
    for _ in range(2):  # one power iteration: the directions are then nearly the leading ones
        leading = torch.linalg.qr(_times_gram(points, leading, tile_elements) / n)[0]
    probes = probes - leading @ (leading.T @ probes)
    diagonal, beside = _lanczos(points, torch.cat([leading, probes], 1), min(n_steps, n), tile_elements)
    found = []
    for ends in (diagonal, _with_node_at_zero(diagonal, beside)):
        forms = _quadratic_forms(ends, beside, order)
        exact, random = forms[:n_leading], forms[n_leading:] * (n - n_leading)  # E|probe|^2, known
        found.append((exact.sum() + random.mean(), random.std() / math.sqrt(n_probes)))
    (trace, error), (beyond, _) = found
    return trace, beyond, error


def _with_node_at_zero(diagonal: Tensor, beside: Tensor) -> Tensor:
    """The diagonals whose quadrature has a node at 0 (Gauss-Radau): less their last pivot, each matrix is singular.

    Derivatives of f alternate in sign, so it and the quadrature without that node err to opposite sides.
    """
    pivot = diagonal[:, 0]
    for step in range(1, diagonal.shape[1]):
        pivot = (diagonal[:, step] - beside[:, step - 1].square() / pivot.clamp(min=1e-300)).clamp(min=0)
    return torch.cat([diagonal[:, :-1], diagonal[:, -1:] - pivot[:, None]], 1)


def _of_trace(trace: Tensor, order: float) -> Tensor:
    """The entropy of tr f(A), f = -l log2 l for a = 1, l^a - l near 1 and l^a elsewhere."""
    if order == 1:
        return trace
    logarithm = torch.log1p(trace) if _is_near_one(order) else torch.log(trace)
    return logarithm / ((1 - order) * math.log(2))


def _lanczos(points: Tensor, start: Tensor, n_steps: int, tile_elements: int) -> tuple[Tensor, Tensor]:
    """Diagonals (vectors, steps) and off-diagonals of A's tridiagonal form from every start vector.

    No second orthogonalisation: quadrature does not need it (Greenbaum 1989), and the basis is not kept.
    """
    n = len(points)
    current, previous, norm = start / torch.linalg.vector_norm(start, dim=0), torch.zeros_like(start), 0.0
    diagonal, beside = [], []
    for _ in range(n_steps):
        product = _times_gram(points, current, tile_elements) / n - norm * previous
        diagonal.append((product * current).sum(0))
        product -= diagonal[-1] * current
        norm = torch.linalg.vector_norm(product, dim=0)
        beside.append(norm)
        previous, current = current, product / norm.clamp(min=1e-300)
    return torch.stack(diagonal, -1), torch.stack(beside[:-1], -1)


def _quadratic_forms(diagonal: Tensor, beside: Tensor, order: float) -> Tensor:
    """v' f(A) v for unit start vectors v, from their tridiagonal forms: (vectors,)."""
    tridiagonal = torch.diag_embed(diagonal) + torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
    values, vectors = torch.linalg.eigh(tridiagonal)
    values = values.clamp(min=0)
    if order == 1:
        of_values = torch.special.entr(values) / math.log(2)
    else:
        of_values = _excess(values, order) if _is_near_one(order) else values**order
    return (vectors[:, 0, :].square() * of_values).sum(-1)


def _times_gram(points: Tensor, vectors: Tensor, tile_elements: int) -> Tensor:
    """K V for the kernel matrix of points (n, D), one tile of it at a time: (n, probes)."""
    n = len(points)
    tile = max(1, min(n, math.isqrt(tile_elements)))
    one, norms = points.unsqueeze(0), points.square().sum(-1).unsqueeze(0)
    product = torch.zeros_like(vectors)
    with _full_precision(points.device.type):
        for i in range(0, n, tile):
            for j in range(i, n, tile):
                rows, columns = slice(i, i + tile), slice(j, j + tile)
                kernel = _minus_half_squared_distances(one, norms, rows, columns)[0].exp_()
                product[rows] += kernel @ vectors[columns]
                if j > i:
                    product[columns] += kernel.T @ vectors[rows]
    return product
