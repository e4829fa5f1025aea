"""Distributions whose mutual information is known exactly: what an estimator is held against.

`samplers.get("student_2x2_df3")` names one; every `Sampler` draws (x, y) and carries I(X;Y) in bits. A transformation
of each variable that can be undone changes no information, so the hard cases have exact values too.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import digamma, gammaln
from torch import Tensor

from . import estimators as est
from .estimators import inputs

LN2 = math.log(2)
LARGEST_DEGREES = 1e6  # beyond, the entropies of Student's t cancel to nothing in float64


@dataclass(frozen=True)
class Sampler:
    """One pair of variables and its exact mutual information in bits.

    draw: from (n, generator) to x (n, d_x) and y (n, d_y).
    """

    name: str
    title: str
    mutual_information: float
    draw: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
    discrete: bool = False

    def sample(self, n: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
        """n independent pairs: x (n, d_x) and y (n, d_y), float64. The same seed gives the same pairs."""
        n, seed = inputs.whole("n", n, 1), inputs.whole("seed", seed, 0)
        x, y = self.draw(n, np.random.default_rng(seed))
        return torch.from_numpy(np.ascontiguousarray(x, float)), torch.from_numpy(np.ascontiguousarray(y, float))


# ------------------------------------------------------------------------------------ normal distributions


def normal(covariance, d_x: int, name: str = "normal", title: str = "normal") -> Sampler:
    """Jointly normal X (the first d_x coordinates) and Y: I = 1/2 log2( |S_x| |S_y| / |S| ).

    Raises ValueError where the covariance is not symmetric and positive definite, or d_x leaves X or Y empty.
    """
    covariance = _array("covariance", covariance)
    square = covariance.ndim == 2 and covariance.shape[0] == covariance.shape[1] and covariance.size
    if not square or not np.allclose(covariance, covariance.T) or np.linalg.eigvalsh(covariance).min() <= 0:
        raise ValueError(f"covariance must be symmetric and positive definite; got covariance={covariance.tolist()!r}.")
    if inputs.whole("d_x", d_x, 1) >= len(covariance):
        raise ValueError(f"d_x must lie between 1 and {len(covariance) - 1}; got d_x={d_x!r}.")
    factor = np.linalg.cholesky(covariance)

    def draw(n: int, generator: np.random.Generator):
        z = generator.normal(size=(n, len(covariance))) @ factor.T
        return z[:, :d_x], z[:, d_x:]

    return Sampler(name, title, _log_determinants(covariance, d_x) / LN2, draw)


def _array(name: str, values) -> np.ndarray:
    """Finite real numbers as a float array; ValueError otherwise."""
    array = inputs.doubles(name, values)
    if not torch.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got {name}={values!r}.")
    return array.cpu().numpy()


def _correlation(rho: float, least: float = -1.0) -> float:
    """A correlation above `least` and below 1; ValueError otherwise."""
    if not isinstance(rho, numbers.Real) or isinstance(rho, bool) or not least < rho < 1:
        raise ValueError(f"rho must lie between {least:g} and 1, both excluded; got rho={rho!r}.")
    return float(rho)


def _log_determinants(covariance: np.ndarray, d_x: int) -> float:
    """1/2 ln( |S_x| |S_y| / |S| ), in nats."""
    parts = (covariance[:d_x, :d_x], covariance[d_x:, d_x:], covariance)
    of_x, of_y, of_both = (np.linalg.slogdet(part)[1] for part in parts)
    return (of_x + of_y - of_both) / 2


def correlated_pairs(d: int, rho: float, n_correlated: int | None = None) -> Sampler:
    """d + d dimensions, x_i correlated with y_i alone, in the first `n_correlated` pairs (None: in all of them)."""
    d, rho = inputs.whole("d", d, 1), _correlation(rho)
    n_correlated = d if n_correlated is None else inputs.whole("n_correlated", n_correlated, 0)
    if n_correlated > d:
        raise ValueError(f"n_correlated must lie between 0 and d={d}; got n_correlated={n_correlated}.")
    covariance = np.eye(2 * d)
    for place in range(n_correlated):
        covariance[place, d + place] = covariance[d + place, place] = rho
    some = "" if n_correlated == d else f", {n_correlated} of {d} pairs"
    return normal(covariance, d, f"pairs_{d}x{d}_{rho:g}_{n_correlated}", f"normal {d}+{d}, ρ = {rho:g}{some}")


def equicorrelated(d: int, rho: float) -> Sampler:
    """d + d dimensions, every two of the 2 d coordinates with correlation rho."""
    d = inputs.whole("d", d, 1)
    rho = _correlation(rho, -1 / (2 * d - 1))
    covariance = np.full((2 * d, 2 * d), rho)
    np.fill_diagonal(covariance, 1)
    return normal(covariance, d, f"equicorrelated_{d}x{d}_{rho:g}", f"equicorrelated {d}+{d}, ρ = {rho:g}")


def student(d: int, rho: float, degrees: float) -> Sampler:
    """Multivariate Student t with d + d dimensions: heavy tails, and information even where rho = 0.

    I = 1/2 ln( |S_x| |S_y| / |S| ) + c(df): the three differential entropies of Student's t, summed.
    """
    degrees = inputs.positive("degrees", degrees)
    if degrees > LARGEST_DEGREES:
        raise ValueError(f"degrees must be at most {LARGEST_DEGREES:g} (take a normal one); got degrees={degrees!r}.")
    base = correlated_pairs(d, rho)

    def spread(dimension: int) -> float:
        """The entropy in nats of a standard t of this dimension, without the scale matrix."""
        half = (degrees + dimension) / 2
        return (
            dimension / 2 * math.log(degrees * math.pi) + gammaln(degrees / 2) - gammaln(half)
            + half * (digamma(half) - digamma(degrees / 2))
        )  # fmt: skip

    def draw(n: int, generator: np.random.Generator):
        x, y = base.draw(n, generator)
        scale = np.sqrt(degrees / generator.chisquare(degrees, size=(n, 1)))
        return x * scale, y * scale

    information = base.mutual_information + (2 * spread(d) - spread(2 * d)) / LN2
    return Sampler(
        f"student_{d}x{d}_{rho:g}_df{degrees:g}", f"Student t {d}+{d}, ρ = {rho:g}, df = {degrees:g}", information, draw
    )


# ------------------------------------------------------------------------------------ transformations


def transformed(base: Sampler, of_x: Callable, of_y: Callable, name: str, title: str) -> Sampler:
    """The variables of `base` after maps that can be undone, (n, d) -> (n, d'): the information is the same."""

    def draw(n: int, generator: np.random.Generator):
        x, y = base.draw(n, generator)
        return of_x(x), of_y(y)

    return Sampler(name, title, base.mutual_information, draw)


def spiral(x: np.ndarray, turns: float = 1.0) -> np.ndarray:
    """The first two coordinates turned by an angle that grows with the distance from the origin: volume stays."""
    angle = turns * np.linalg.norm(x, axis=1)
    first, second = x[:, 0], x[:, 1]
    turned = np.stack([np.cos(angle) * first - np.sin(angle) * second, np.sin(angle) * first + np.cos(angle) * second])
    return np.concatenate([turned.T, x[:, 2:]], axis=1)


def swiss_roll(x: np.ndarray) -> np.ndarray:
    """One coordinate rolled up in the plane: (n, 1) -> (n, 2)."""
    from scipy.stats import norm

    angle = 1.5 * math.pi * (1 + 2 * norm.cdf(x[:, 0]))
    return np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 21


def half_cube(x: np.ndarray) -> np.ndarray:
    """x |x|^(1/2): longer tails."""
    return x * np.sqrt(np.abs(x))


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """Normal to uniform."""
    from scipy.stats import norm

    return norm.cdf(x)


# ------------------------------------------------------------------------------------ uniform, discrete, mixtures


def additive_uniform(epsilon: float) -> Sampler:
    """X uniform on [0, 1], Y = X + N, N uniform on [-e, e], e <= 1/2: I = e + ln(1 / 2e) nats."""
    if inputs.positive("epsilon", epsilon) > 0.5:
        raise ValueError(f"epsilon must lie between 0 (not included) and 0.5; got epsilon={epsilon!r}.")

    def draw(n: int, generator: np.random.Generator):
        x = generator.uniform(size=(n, 1))
        return x, x + generator.uniform(-epsilon, epsilon, size=(n, 1))

    information = (epsilon - math.log(2 * epsilon)) / LN2
    return Sampler(f"additive_uniform_{epsilon:g}", f"additive uniform, ε = {epsilon:g}", information, draw)


def uniform_steps(m: int) -> Sampler:
    """X uniform on 0 .. m - 1, Y uniform on [X, X + 2]: I = ln m - (m - 1) ln 2 / m nats (Gao et al. 2017)."""
    m = inputs.whole("m", m, 1)

    def draw(n: int, generator: np.random.Generator):
        x = generator.integers(m, size=(n, 1)).astype(float)
        return x, x + generator.uniform(0, 2, size=(n, 1))

    return Sampler(f"uniform_steps_{m}", f"X of {m} values, Y in [X, X+2]", math.log2(m) - (m - 1) / m, draw)


def discrete(joint, name: str = "discrete", title: str = "discrete table") -> Sampler:
    """Numbers of row and column of a table of joint probabilities."""
    joint = inputs.tensor_of("joint", joint)
    if joint.ndim != 2:
        raise ValueError(f"joint must have the shape (rows, columns); got shape={tuple(joint.shape)}.")
    information = float(est.discrete_information(joint))
    p = (joint.double() / joint.double().sum()).numpy()

    def draw(n: int, generator: np.random.Generator):
        cell = generator.choice(p.size, size=n, p=p.ravel())
        return (cell // p.shape[1])[:, None], (cell % p.shape[1])[:, None]

    return Sampler(name, title, information, draw, discrete=True)


def noisy_neuron(centres, noise_variance: float) -> Sampler:
    """X the number of a centre, all equally likely; Y its value with Gaussian noise: I by quadrature."""
    centres = _array("centres", centres)
    if centres.ndim != 1 or len(centres) < 2:
        raise ValueError(f"centres must be at least two numbers; got shape={centres.shape}.")
    information = est.mixture_information(centres[:, None], np.zeros(len(centres)), noise_variance=noise_variance)

    def draw(n: int, generator: np.random.Generator):
        chosen = generator.integers(len(centres), size=n)
        return chosen[:, None], (centres[chosen] + math.sqrt(noise_variance) * generator.normal(size=n))[:, None]

    return Sampler("noisy_neuron", f"noisy neuron, {len(centres)} inputs", float(information.i_xt), draw)


def quantised_network(n_bits: int = 10, n_units: int = 3, n_levels: int = 8, seed: int = 0) -> Sampler:
    """X one of 2^n_bits binary patterns, Y the quantised tanh layer that a random network makes of it: I by counting.

    X is drawn as its bits; Y, a function of X, as levels. I(X;Y) = H(Y), counted over all patterns.
    """
    n_bits, n_units = inputs.whole("n_bits", n_bits, 1), inputs.whole("n_units", n_units, 1)
    n_levels, seed = inputs.whole("n_levels", n_levels, 2), inputs.whole("seed", seed, 0)
    generator = np.random.default_rng(seed)
    patterns = (np.arange(2**n_bits)[:, None] >> np.arange(n_bits)) & 1
    weights = generator.normal(size=(n_bits, n_units)) / math.sqrt(n_bits)
    states = est.quantise(np.tanh((2 * patterns - 1) @ weights), n_levels=n_levels, range=(-1, 1)).numpy()
    information = est.exact_information(states, np.zeros(len(states)))

    def draw(n: int, generator: np.random.Generator):
        chosen = generator.integers(len(patterns), size=n)
        return patterns[chosen], states[chosen]

    title = f"quantised net, {n_bits} bits in, {n_units} units of {n_levels} levels"
    return Sampler(f"quantised_network_{n_bits}_{n_units}_{n_levels}", title, float(information.i_xt), draw, True)


def every() -> dict[str, Sampler]:
    """The collection that estimators are compared on, by name: easy ones first."""
    pair, three = correlated_pairs(1, 0.75), correlated_pairs(3, 0.6)
    chosen = [
        pair,
        transformed(pair, np.arcsinh, np.arcsinh, "asinh", "normal 1+1, asinh of both"),
        transformed(pair, np.cbrt, np.cbrt, "cube_root", "normal 1+1, cube root of both"),
        transformed(pair, normal_cdf, normal_cdf, "normal_cdf", "normal 1+1, made uniform"),
        transformed(pair, half_cube, half_cube, "half_cube", "normal 1+1, long tails (half-cube)"),
        transformed(pair, swiss_roll, lambda y: y, "swiss_roll", "normal 1+1, x rolled up in the plane"),
        additive_uniform(0.1),
        uniform_steps(3),
        student(1, 0.0, 1.0),
        student(2, 0.6, 2.0),
        three,
        transformed(three, spiral, spiral, "spiral", "normal 3+3, both spiralled"),
        equicorrelated(5, 0.5),
        correlated_pairs(10, 0.8, 2),
        correlated_pairs(25, 0.8, 2),
        correlated_pairs(16, 0.5),
        discrete([[0.3, 0.1], [0.1, 0.5]], "table_2x2", "table of 2 x 2"),
        quantised_network(),
    ]
    return {sampler.name: sampler for sampler in chosen}


def get(name: str) -> Sampler:
    """One of `every()` by its name; ValueError lists the names."""
    found = every()
    if not isinstance(name, str) or name not in found:
        raise ValueError(f"name must be one of {', '.join(found)}; got name={name!r}.")
    return found[name]
