"""Estimators held against exact answers: which of them can be believed, where, and by how much. Notebook 00."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from .. import cache, data, fingerprint, models, plots, runs, samplers, training
from .. import estimators as est
from ..claims import FAILS, HOLDS, UNDECIDED, Claim, Judgement, Needs, interval, words
from . import Experiment, FigureSpec

NOTEBOOK = "00_estimators_on_known_answers"
N_BINS, ALPHA, SCALE_OF_BANDWIDTH = 30, 1.01, 5.0  # what papers 01 to 05 use where they say it
KDE_VARIANCES = (0.1, 0.001)
LAYERS = ("layer1", "layer2", "layer3", "layer4", "layer5")


# --------------------------------------------------------------------------------------------- settings


@dataclass(frozen=True)
class Settings:
    """How many samples, dimensions and repetitions the estimators are tried on."""

    n_seeds: int = 30  # draws of the samples
    sizes: tuple = (100, 300, 1_000, 3_000, 10_000)
    dimensions: tuple = (1, 2, 5, 10)  # of each of the two variables
    correlations: tuple = (0.0, 0.3, 0.6, 0.75, 0.9, 0.97)
    n_samples: int = 1_000  # where the size is not what varies
    n_collapse: int = 5_000  # where the dimension varies
    collapse_dimensions: tuple = (1, 2, 4, 8, 16)
    largest_renyi: int = 1_000  # samples; eigenvalues cost the cube of it
    n_networks: int = 5  # trained on the 12-bit patterns
    steps: int = 10_000
    pattern_sizes: tuple = (128, 512, 2_048, 4_096)
    levels: tuple = (4, 16, 256)
    n_frames: int = fingerprint.unnamed(60)
    device: str = fingerprint.unnamed("auto")

    def __post_init__(self):
        least = {"n_seeds": 2, "n_samples": 10, "n_collapse": 10, "largest_renyi": 10, "n_networks": 1, "steps": 1,
                 "n_frames": 2}  # fmt: skip
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ValueError(f"{name} must be at least {smallest}; got {name}={getattr(self, name)}.")


PROFILES = {
    "smoke": Settings(
        n_seeds=3, sizes=(100, 300), dimensions=(1, 5, 10), correlations=(0.0, 0.6, 0.9), n_samples=300, n_collapse=500,
        collapse_dimensions=(1, 4, 16), largest_renyi=300, n_networks=2, steps=200, pattern_sizes=(128, 512),
        levels=(4, 256), n_frames=12,
    ),
    "quick": Settings(
        n_seeds=5, sizes=(100, 300, 1_000, 3_000), correlations=(0.0, 0.3, 0.6, 0.75, 0.9), n_samples=500,
        largest_renyi=500, n_networks=3, steps=3_000, pattern_sizes=(128, 512, 2_048), n_frames=30,
    ),
    "paper": Settings(),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- the network


@functools.lru_cache(maxsize=2)
def _patterns() -> data.Dataset:
    return data.load("12bit")


def datasets(settings: Settings) -> list[data.Dataset]:
    """Every data set that the experiment uses."""
    return [_patterns()]


def run_of(settings: Settings) -> runs.Run:
    """`tanh_12` trained on the 12-bit patterns: small enough that everything about it can be counted."""
    return training.train(
        "tanh_12", _patterns(), seeds=range(settings.n_networks), lr=1e-3, batch_size=256, steps=settings.steps,
        checkpoints=[settings.steps], device=settings.device,
    )  # fmt: skip


def trainings(settings: Settings) -> dict:
    """Everything that is trained: {name: function}."""
    return {"tanh_12": functools.partial(run_of, settings)}


def _activations(settings: Settings) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """All patterns x (n, 12), labels y (n,), and {layer: (networks, n, d)} after training."""
    dataset = _patterns()
    x, y = torch.cat([dataset.x_train, dataset.x_test]), torch.cat([dataset.y_train, dataset.y_test])
    return x, y, run_of(settings).activations(settings.steps, LAYERS, x)


def _some(n_all: int, n: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).permutation(n_all)[:n].copy())


# --------------------------------------------------------------------------------------------- estimators of a pair


def binned_pair(x: torch.Tensor, y: torch.Tensor, n_bins: int, *, equal_count: bool = False) -> torch.Tensor:
    """Plug-in I(X;Y) in bits, every coordinate in n_bins bins of its own range or of equal counts: (..., n, d)."""
    found = []
    for one_x, one_y in zip(x.reshape(-1, *x.shape[-2:]), y.reshape(-1, *y.shape[-2:]), strict=True):
        states_x, states_y = (_states(each, n_bins, equal_count) for each in (one_x, one_y))
        label = torch.unique(states_y, dim=0, return_inverse=True)[1]
        found.append(est.exact_information(states_x, label).i_ty)
    return torch.stack(found).reshape(x.shape[:-2])


def _states(values: torch.Tensor, n_bins: int, equal_count: bool) -> torch.Tensor:
    if equal_count:
        columns = values.T.contiguous()
        ranks = torch.searchsorted(columns.sort(1).values, columns)  # equal values share the number of smaller ones
        values = ranks.T.double()
    low, high = values.amin(0), values.amax(0)
    scaled = (values - low) / torch.where(high > low, high - low, torch.ones_like(low))
    return est.quantise(scaled, n_levels=n_bins, range=(0, 1))


def entropy_sum(x: torch.Tensor, y: torch.Tensor, n_neighbors: int = 3) -> torch.Tensor:
    """h(X) + h(Y) - h(X, Y), each by Kozachenko and Leonenko; NaN where a value is repeated too often."""
    try:
        of_x, of_y, of_both = (
            est.kozachenko_leonenko_entropy(each, n_neighbors=n_neighbors) for each in (x, y, torch.cat([x, y], -1))
        )
    except ValueError:
        return torch.full(x.shape[:-2], math.nan)
    return of_x + of_y - of_both


def renyi_pair(x: torch.Tensor, y: torch.Tensor, scale: float = SCALE_OF_BANDWIDTH) -> torch.Tensor:
    """Matrix-based I(X;Y), alpha 1.01, both bandwidths by Silverman's rule."""
    widths = tuple(est.silverman_bandwidth(x.shape[-2], each.shape[-1], scale) for each in (x, y))
    return est.renyi_mutual_information(x, [y], alpha=ALPHA, bandwidth=widths)


PAIR_ESTIMATORS = {
    "KSG 1": est.ksg_mutual_information,
    "KSG 2": functools.partial(est.ksg_mutual_information, variant=2),
    "3 entropies": entropy_sum,
    "binning": functools.partial(binned_pair, n_bins=N_BINS),
    "binning, equal count": functools.partial(binned_pair, n_bins=N_BINS, equal_count=True),
    "Rényi": renyi_pair,
}


def draw(sampler: samplers.Sampler, n: int, n_seeds: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(seeds, n, d_x) and (seeds, n, d_y)."""
    pairs = [sampler.sample(n, seed=seed) for seed in range(n_seeds)]
    return torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])


def _rows(values: torch.Tensor, estimator: str, **facts) -> list[dict]:
    return [
        {"dataset": "known answers", "model": estimator, "seed": seed, "step": 0, "estimator": estimator, **facts,
         "value": float(value)}
        for seed, value in enumerate(values)
    ]  # fmt: skip


def _pair_rows(sampler: samplers.Sampler, n: int, settings: Settings, **facts) -> list[dict]:
    x, y = draw(sampler, n, settings.n_seeds)
    rows = []
    for name, estimate in PAIR_ESTIMATORS.items():
        if name != "Rényi" or n <= settings.largest_renyi:
            rows += _rows(estimate(x, y), name, n=n, **facts, truth=sampler.mutual_information)
    return rows


# --------------------------------------------------------------------------------------------- tables


def identities(settings: Settings) -> dict:
    """What names a result of the trained network beside the settings."""
    return {"network": models.resolve("tanh_12").source_hash, "data": _patterns().identity}


@cache.cached(version=1)
def normal_pairs(settings: Settings) -> pd.DataFrame:
    """d + d normal dimensions, correlated in pairs: every estimator over n, d and correlation, beside the truth."""
    rows = []
    for d in settings.dimensions:
        for rho in settings.correlations:
            sampler = samplers.correlated_pairs(d, rho)
            for n in settings.sizes:
                rows += _pair_rows(sampler, n, settings, d=d, rho=rho)
    return pd.DataFrame(rows)


@cache.cached(version=1)
def collapse(settings: Settings) -> pd.DataFrame:
    """KSG with k = 5 while the dimension grows, correlation .5 in every pair."""
    rows = []
    for d in settings.collapse_dimensions:
        sampler = samplers.correlated_pairs(d, 0.5)
        x, y = draw(sampler, settings.n_collapse, settings.n_seeds)
        for variant in (1, 2):
            values = est.ksg_mutual_information(x, y, n_neighbors=5, variant=variant)
            rows += _rows(values, f"KSG {variant}", n=settings.n_collapse, d=d, truth=sampler.mutual_information)
    return pd.DataFrame(rows)


@cache.cached(version=1)
def collection(settings: Settings) -> pd.DataFrame:
    """Every sampler of `samplers.every()` under every estimator, at one size."""
    rows = []
    for name, sampler in samplers.every().items():
        rows += _pair_rows(sampler, settings.n_samples, settings, case=name, title=sampler.title)
    return pd.DataFrame(rows)


TUNING = {
    "KSG 1": (
        "neighbours k", (1, 2, 3, 5, 10, 20, 50), lambda x, y, k: est.ksg_mutual_information(x, y, n_neighbors=k),
    ),
    "binning": ("bins in each coordinate", (2, 3, 5, 10, 20, 30, 50, 100), lambda x, y, bins: binned_pair(x, y, bins)),
    "Rényi": (
        "bandwidth of unit-variance data", (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
        lambda x, y, s: est.renyi_mutual_information(x, [y], alpha=ALPHA, bandwidth=s),
    ),
}  # fmt: skip


@cache.cached(version=1)
def tuning(settings: Settings) -> pd.DataFrame:
    """The estimate against each estimator's own parameter: normal 1+1 and 2+2, correlation .75."""
    rows = []
    for d in (1, 2):
        sampler = samplers.correlated_pairs(d, 0.75)
        for n in settings.sizes:
            x, y = draw(sampler, n, settings.n_seeds)
            for name, (_, values, estimate) in TUNING.items():
                if name == "Rényi" and n > settings.largest_renyi:
                    continue
                for value in values:
                    facts = {"n": n, "d": d, "parameter": float(value), "truth": sampler.mutual_information}
                    rows += _rows(estimate(x, y, value), name, **facts)
    return pd.DataFrame(rows)


@cache.cached(version=1, also=identities)
def kde_bounds(settings: Settings) -> pd.DataFrame:
    """Lower bound, exact value and upper bound of I(X;T+Z) for single neurons, over the noise variance."""
    x, _, activations = _activations(settings)
    generator = np.random.default_rng(0)
    some = _some(len(x), 500, 0)
    neurons = {
        "two inputs, 1 apart": [0.0, 1.0],
        "16 inputs, evenly spaced": np.linspace(-1, 1, 16),
        "40 inputs, normal": generator.normal(size=40),
        "trained tanh neuron, 500 inputs": activations["layer5"][0, some, 0].double().numpy(),
    }
    rows = []
    for name, centres in neurons.items():
        t, label = torch.as_tensor(np.asarray(centres))[:, None], torch.zeros(len(centres))
        for variance in np.geomspace(1e-4, 10, 16):
            both = est.kde_information(t, label, noise_variance=float(variance), bound="both")
            exact = est.mixture_information(t, label, noise_variance=float(variance)).i_xt
            rows.append(
                {"dataset": "known answers", "model": name, "seed": 0, "step": 0, "neuron": name,
                 "noise_variance": float(variance), "lower": float(both.lower.i_xt), "exact": float(exact),
                 "upper": float(both.upper.i_xt), "log2_n": math.log2(len(centres))}
            )  # fmt: skip
    return pd.DataFrame(rows)


@cache.cached(version=1)
def binning_saturation(settings: Settings) -> pd.DataFrame:
    """H(binned T) of d independent normal neurons over n, with and without correction, beside its exact value."""
    from scipy.stats import norm

    p = np.diff(norm.cdf(np.r_[-np.inf, np.linspace(-5, 5, N_BINS + 1)[1:-1], np.inf]))
    of_one = float(-(p * np.log2(p)).sum())
    rows = []
    for d in (1, 2, 3, 10):
        for n in settings.sizes:
            t = torch.stack(
                [torch.from_numpy(np.random.default_rng(s).normal(size=(n, d))) for s in range(settings.n_seeds)]
            )
            for name, correction in (("plug-in", None), ("Miller-Madow", "miller_madow")):
                found = est.binned_information(
                    t.clamp(-5, 5), torch.zeros(n), n_bins=N_BINS, range=(-5, 5), correction=correction
                )
                new = _rows(found.i_xt, name, n=n, d=d, truth=d * of_one, log2_n=math.log2(n))
                rows += [row | {"at_bound": bool(est.at_bound(row["value"], math.log2(n)))} for row in new]
    return pd.DataFrame(rows)


@cache.cached(version=1)
def renyi_large_n(settings: Settings) -> pd.DataFrame:
    """The stochastic entropy beside the one from all eigenvalues, with the error that it reports of itself."""
    rows = []
    n = 2 * settings.largest_renyi
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(n, 10)))
    for width in (1.0, 2.0, 5.0):
        for alpha in (0.7, 1.0, 1.01, 1.5, 3.0):
            exact = float(est.renyi_entropy(x, alpha=alpha, bandwidth=width))
            for seed in range(3):
                found = est.stochastic_renyi_entropy(x, alpha=alpha, bandwidth=width, seed=seed)
                errors = {"probe_error": float(found.probe_error), "lanczos_error": float(found.lanczos_error)}
                rows.append(
                    {"dataset": "known answers", "model": "stochastic", "seed": seed, "step": 0, "n": n, "alpha": alpha,
                     "bandwidth": width, "value": float(found.entropy), "exact": exact, **errors}
                )  # fmt: skip
    return pd.DataFrame(rows)


ORDERS = (0.5, 0.8, 1.01, 1.1, 1.5, 2.0, 3.0, 5.0)


@cache.cached(version=2, also=identities)
def subadditivity(settings: Settings) -> pd.DataFrame:
    """S(X) + S(T) - S(X, T) over alpha and n: for the constructed case, and for a trained network's layers."""
    x, _, activations = _activations(settings)
    sizes = [n for n in (20, 100, *settings.pattern_sizes) if n <= 2 * settings.largest_renyi]
    rows = []
    for n in sizes:
        found = est.renyi_mutual_information(*_half_clusters(n), alpha=ORDERS, bandwidth=1.0)
        rows += _order_rows("constructed", 0, n, found)
        for seed in range(settings.n_networks):
            some = _some(len(x), n, seed)
            for layer in LAYERS:
                t = activations[layer][seed, some]
                widths = tuple(est.silverman_bandwidth(n, v.shape[1], SCALE_OF_BANDWIDTH) for v in (x, t))
                found = est.renyi_mutual_information(x[some].double(), t.double(), alpha=ORDERS, bandwidth=widths)
                rows += _order_rows(layer, seed, n, found)
    return pd.DataFrame(rows)


def _half_clusters(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """X puts the first half of the samples into one cluster, Y the second half; all others lie far apart."""
    x = 1000.0 * torch.arange(n, dtype=torch.float64)[:, None]
    y = x.clone()
    x[: n // 2], y[n // 2 :] = -1000.0, -1000.0
    return x, y


def _order_rows(case: str, seed: int, n: int, found: torch.Tensor) -> list[dict]:
    name = "known answers" if case == "constructed" else _patterns().name
    return [
        {"dataset": name, "model": case, "seed": seed, "step": 0, "case": case, "n": n, "alpha": alpha,
         "value": float(value)}
        for alpha, value in zip(ORDERS, found, strict=True)
    ]  # fmt: skip


@cache.cached(version=2, also=identities)
def quantised_network(settings: Settings) -> pd.DataFrame:
    """I(X;T) and I(T;Y) of every layer of quantised trained networks: estimates from n patterns, and the exact value.

    Exact: all patterns counted. at_bound: the estimate lies at log2 n, H(Y) or 0.
    """
    x, y, activations = _activations(settings)
    x, rows = x.double(), []
    for n_levels in settings.levels:
        for layer in LAYERS:
            states = est.quantise(activations[layer], n_levels=n_levels, range=(-1, 1))
            truth = est.exact_information(states, y)
            t = (states.double() + 0.5) * (2 / n_levels) - 1
            for n in settings.pattern_sizes:
                for seed in range(settings.n_networks):
                    some = _some(len(x), min(n, len(x)), seed)
                    facts = {"levels": n_levels, "layer": layer, "n": len(some), "n_all": len(x), "seed": seed}
                    exact = {"i_xt": float(truth.i_xt[seed]), "i_ty": float(truth.i_ty[seed])}
                    found = _layer_estimates(x[some], t[seed, some], y[some], n_levels, settings)
                    rows += _layer_rows(found, exact, est.label_entropy(y[some]), facts)
    return pd.DataFrame(rows)


def _layer_estimates(x, t, y, n_levels: int, settings: Settings) -> dict[tuple[str, str], float]:
    """{(estimator, quantity): bits} of one layer, (n, d), from n patterns."""
    found = {}

    def keep(name: str, both) -> None:
        found[name, "i_xt"], found[name, "i_ty"] = float(both.i_xt), float(both.i_ty)

    keep("counting states", est.binned_information(t, y, n_bins=n_levels, range=(-1, 1)))
    keep("binning", est.binned_information(t, y, n_bins=N_BINS))
    keep("Miller-Madow", est.binned_information(t, y, n_bins=n_levels, range=(-1, 1), correction="miller_madow"))
    bounds = est.kde_information(t, y, noise_variance=KDE_VARIANCES, bound="both")
    for place, variance in enumerate(KDE_VARIANCES):
        for name, one in (("upper", bounds.upper), ("lower", bounds.lower)):
            found[f"KDE {name}, {variance:g}", "i_xt"] = float(one.i_xt[place])
            found[f"KDE {name}, {variance:g}", "i_ty"] = float(one.i_ty[place])
    found["KSG 1", "i_xt"] = float(est.ksg_mutual_information(x, t))
    found["KSG 1", "i_ty"] = float(est.ksg_mutual_information(t, y[:, None].double()))
    if len(x) <= settings.largest_renyi:
        s_x, s_t = (est.silverman_bandwidth(len(x), v.shape[1], SCALE_OF_BANDWIDTH) for v in (x, t))
        one_hot = torch.nn.functional.one_hot(y).double()
        found["Rényi", "i_xt"] = float(est.renyi_mutual_information(x, t, alpha=ALPHA, bandwidth=(s_x, s_t)))
        found["Rényi", "i_ty"] = float(est.renyi_mutual_information(t, one_hot, alpha=ALPHA, bandwidth=(s_t, 0.1)))
    return found


def _layer_rows(found: dict, exact: dict, entropy_y: float, facts: dict) -> list[dict]:
    ends = {"i_xt": math.log2(facts["n"]), "i_ty": entropy_y}
    facts = {"dataset": _patterns().name, "model": "tanh_12", "step": 0, **facts, "entropy_y": entropy_y}
    return [
        {**facts, "estimator": name, "quantity": quantity,
         "value": value, "truth": exact[quantity], "at_bound": bool(est.at_bound(value, ends[quantity]))}
        for (name, quantity), value in found.items()
    ]  # fmt: skip


@cache.cached(version=1)
def distance_estimators(settings: Settings) -> pd.DataFrame:
    """What CNNSlicer's quantities give where the answer is known: independent channels, uniform values, plain noise."""
    rows = []
    for seed in range(settings.n_seeds):
        generator = torch.Generator().manual_seed(seed)
        for n in settings.sizes[:4]:
            x = torch.randn(n, 10, generator=generator)
            for k in (5, 15, 50):
                value = est.inter_sample_entropy(x, n_neighbors=k)
                rows += _distance_rows("inter-sample entropy", seed, n, k, value, math.log2(n * k))
        for n in (25, 50, 100, 200, 400):
            maps = torch.randn(n, 4, 16, generator=generator)
            for n_bins in (8, 32):
                value = est.channel_capacity(maps[:, :2], maps[:, 2:], n_bins=n_bins).mean()
                rows += _distance_rows("channel capacity", seed, n, n_bins, value, 0.0)
        for values in (16, 49, 196, 784, 4_096):
            maps = torch.rand(20, 1, values, generator=generator)
            for n_bins in (8, 32):
                value = est.intra_sample_entropy(maps, n_bins=n_bins, range=(0, 1))[0]
                rows += _distance_rows("intra-sample entropy", seed, values, n_bins, value, math.log2(n_bins))
    return pd.DataFrame(rows)


def _distance_rows(quantity: str, seed: int, n: int, parameter: int, value, truth: float) -> list[dict]:
    return [
        {"dataset": "known answers", "model": quantity, "seed": seed, "step": 0, "quantity": quantity, "n": n,
         "parameter": parameter, "value": float(value), "truth": truth}
    ]  # fmt: skip


@cache.cached(version=2, also=identities)
def guide(settings: Settings) -> pd.DataFrame:
    """For a question, a dimension and a number of samples: the two estimators that came nearest, and their errors."""
    pairs = normal_pairs(settings)
    parts = [("How much do two continuous variables share?", f"{d} + {d}", n, group)
             for (d, n), group in pairs.groupby(["d", "n"])]  # fmt: skip
    layers = quantised_network(settings)
    layers = layers[layers["levels"] == max(settings.levels)]
    questions = {"i_xt": "How much does a quantised layer keep of X?", "i_ty": "How much does it know of Y?"}
    for (quantity, n), group in layers.groupby(["quantity", "n"]):
        parts.append((questions[quantity], "3 to 10 neurons", n, group))
    rows = []
    for question, dimension, n, group in parts:
        error = group["value"] - group["truth"]
        by = error.groupby(group["estimator"])
        table = pd.DataFrame({"rms": by.apply(lambda e: float(np.sqrt((e**2).mean()))), "bias": by.mean()})
        table = table.dropna().sort_values("rms")
        best, second = table.iloc[0], table.iloc[1]
        at_bound = group.get("at_bound", pd.Series(False, group.index))[group["estimator"] == table.index[0]]
        rows.append(
            {"question": question, "dimension": dimension, "n": int(n), "truth up to": group["truth"].max(),
             "nearest": table.index[0], "error": best["rms"], "bias": best["bias"], "saturated": at_bound.mean(),
             "second": table.index[1], "its error": second["rms"], "its bias": second["bias"]}
        )  # fmt: skip
    return pd.DataFrame(rows)


TABLES = {
    "normal_pairs": normal_pairs,
    "collapse": collapse,
    "collection": collection,
    "tuning": tuning,
    "kde_bounds": kde_bounds,
    "binning_saturation": binning_saturation,
    "renyi_large_n": renyi_large_n,
    "subadditivity": subadditivity,
    "quantised_network": quantised_network,
    "distance_estimators": distance_estimators,
    "guide": guide,
}


# --------------------------------------------------------------------------------------------- figures


def draw_strength(table: pd.DataFrame, *, samples: int | None = None, dimension: int | None = None) -> plt.Figure:
    """Estimate against the exact information of normal pairs; left every one, right the error alone."""
    samples = int(table["n"].max()) if samples is None else samples
    dimension = int(table["d"].min()) if dimension is None else dimension
    rows = table[(table["n"] == samples) & (table["d"] == dimension)]
    rows = rows.assign(error=rows["value"] - rows["truth"])
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.8))
    plots.plot_estimates(rows, x="truth", ax=axes[0])
    plots.plot_truth(rows, x="truth", ax=axes[0])
    plots.plot_estimates(rows.assign(value=rows["error"]), x="truth", ax=axes[1])
    axes[1].axhline(0, color="black", ls="--", lw=2.2)
    top = table.loc[table["d"] == dimension, "truth"].max()
    log2_n = math.log2(samples)
    axes[0].set(xlabel="exact I(X;Y)  [bit]", ylabel="estimate  [bit]", xlim=(-0.03 * top, 1.05 * top))
    highest = min(max(1.15 * rows["value"].max(), 1.3 * top), 1.1 * max(log2_n, top))
    axes[0].set_ylim(-0.1 * highest, highest)
    if log2_n < highest:
        plots.mark_level(axes[0], log2_n, f"log2 n = {log2_n:.1f}")
    axes[1].set(xlabel="exact I(X;Y)  [bit]", ylabel="error  [bit]", xlim=(-0.03 * top, 1.05 * top))
    axes[1].set_yscale("symlog", linthresh=0.1)
    axes[1].set_ylim(-12, 12)
    title = f"normal {dimension} + {dimension}, n = {samples:,}"
    axes[0].set_title(f"a  {title}: estimate", loc="left")
    axes[1].set_title("b  error (linear to 0.1, then logarithmic)", loc="left")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure


def draw_sizes(experiment: Experiment) -> plt.Figure:
    """Error against n for every dimension, at the middle correlation; last panel: KSG while the dimension grows."""
    table, fall = experiment.table("normal_pairs"), experiment.table("collapse")
    rho = _middle(experiment.settings.correlations)
    rows = table[table["rho"] == rho].assign(value=lambda r: r["value"] - r["truth"])
    dimensions = [d for d in experiment.settings.dimensions if d != 2]
    figure, axes = plt.subplots(2, 2, figsize=(13.5, 9))
    for ax, d, letter in zip(axes.flat, dimensions, "abc", strict=False):
        plots.plot_estimates(rows[rows["d"] == d], x="n", log=True, ax=ax)
        ax.axhline(0, color="black", ls="--", lw=2.2)
        truth = rows.loc[rows["d"] == d, "truth"].iloc[0]
        ax.set_title(f"{letter}  normal {d} + {d}, exact {truth:.2f} bit", loc="left", fontsize=12)
        ax.set(xlabel="samples n", ylim=(-12, 12), ylabel="error  [bit]")
        ax.set_yscale("symlog", linthresh=0.1)
    axes.flat[1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    last = axes.flat[-1]
    plots.plot_estimates(fall, x="d", ax=last)
    plots.plot_truth(fall, x="d", ax=last)
    last.set(xticks=sorted(set(fall["d"])), xlabel="dimensions of X and of Y", ylabel="I(X;Y)  [bit]")
    n = int(fall["n"].iloc[0])
    last.set_title(f"d  KSG while the dimension grows, n = {n:,}, k = 5", loc="left", fontsize=12)
    last.legend(fontsize=10)
    return figure


def _middle(values: tuple) -> float:
    return sorted(values)[len(values) // 2]


def error_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean error in bits: samplers in rows with their exact value, estimators in columns."""
    labels = {
        title: f"{title}   ({truth:.2f})"
        for title, truth in table.drop_duplicates("title")[["title", "truth"]].itertuples(index=False)
    }
    errors = table.assign(error=table["value"] - table["truth"], row=table["title"].map(labels))
    wide = errors.pivot_table(index="row", columns="estimator", values="error", sort=False)
    return wide.loc[list(labels.values()), [name for name in PAIR_ESTIMATORS if name in wide]]


def draw_collection(experiment: Experiment) -> plt.Figure:
    """The collection of samplers against the estimators: mean error."""
    figure, ax = plt.subplots(figsize=(11.5, 8.2))
    plots.plot_errors(error_table(experiment.table("collection")), limit=1.0, ax=ax)
    ax.set_title(f"Mean error at n = {experiment.settings.n_samples:,}; exact value in brackets [bit]", loc="left")
    ax.set_xticks(ax.get_xticks(), [label.get_text().replace(", ", ",\n") for label in ax.get_xticklabels()])
    return figure


def draw_tuning(table: pd.DataFrame, *, samples: int | None = None, dimension: int = 1) -> plt.Figure:
    """Every estimator over its own parameter; one number of samples in colour, the others grey (None: all)."""
    figure, axes = plt.subplots(1, len(TUNING), figsize=(13, 4.5), sharey=True)
    sizes = sorted(set(table["n"]))
    shades = dict(zip(sizes, plots.shades(len(sizes)), strict=True))
    truth = table.loc[table["d"] == dimension, "truth"].iloc[0]
    for ax, (name, (parameter, _, _)), letter in zip(axes, TUNING.items(), "abc", strict=True):
        for n, rows in table[(table["estimator"] == name) & (table["d"] == dimension)].groupby("n"):
            mean = rows.groupby("parameter")["value"].agg(["mean", "std"])
            shown = samples in (None, n)
            colour, order = (shades[n], 5) if shown else ("0.85", 2)
            ax.plot(mean.index, mean["mean"], "o-", color=colour, lw=1.8, ms=5, label=f"n = {n:,}", zorder=order)
            if shown:
                low, high = mean["mean"] - mean["std"], mean["mean"] + mean["std"]
                ax.fill_between(mean.index, low, high, color=colour, alpha=0.18, lw=0, zorder=order)
        ax.axhline(truth, color="black", ls="--", lw=2.2, zorder=10)
        plots.log_axis(ax, list(TUNING[name][1]))
        ax.set(xlabel=parameter, yscale="symlog", ylim=(-0.25, 14), yticks=[0, 0.5, 1, 2, 5, 10])
        ax.set_yticklabels(["0", "0.5", "1", "2", "5", "10"])
        ax.set_title(f"{letter}  {name}", loc="left")
    axes[0].set_ylabel("estimate of I(X;Y)  [bit]")
    axes[0].annotate(
        f"exact {truth:.2f}", (0.02, truth), (0, 4), ("axes fraction", "data"), "offset points", fontsize=10
    )
    axes[1].legend(fontsize=10, loc="upper left")
    return figure


def draw_kde(experiment: Experiment) -> plt.Figure:
    """The two KDE bounds around the exact value, four neurons."""
    table = experiment.table("kde_bounds")
    figure, axes = plt.subplots(2, 2, figsize=(13, 8.4))
    for ax, (name, rows), letter in zip(axes.flat, table.groupby("neuron", sort=False), "abcd", strict=True):
        plots.plot_bounds(rows, ax=ax)
        ax.set_title(f"{letter}  {name}", loc="left")
        ax.set(xlabel="noise variance", ylabel="I(X;T+Z)  [bit]")
    axes[0, 0].legend(fontsize=11, loc="lower left")
    return figure


def draw_binning(experiment: Experiment) -> plt.Figure:
    """H(binned T) over n, with log2 n and the exact entropy."""
    table = experiment.table("binning_saturation")
    dimensions = sorted(set(table["d"]))
    figure, axes = plt.subplots(2, 2, figsize=(13, 8.4))
    for ax, d, letter in zip(axes.flat, dimensions, "abcd", strict=True):
        rows = table[table["d"] == d]
        plots.plot_estimates(rows, x="n", log=True, ax=ax)
        ends = rows.groupby("n")["log2_n"].first()
        ax.plot(ends.index, ends, color=plots.MUTED, ls=":", lw=1.8, label="log2 n")
        truth = rows["truth"].iloc[0]
        ax.axhline(truth, color="black", ls="--", lw=2.2, label="exact")
        ax.set(xlabel="samples n", ylabel="H(binned T)  [bit]", ylim=(0, 1.15 * max(truth, ends.max())))
        ax.set_title(f"{letter}  {d} neuron{'s' if d > 1 else ''}, exact {truth:.1f} bit", loc="left")
    axes[1, 1].legend(fontsize=11, loc="center right")
    return figure


def draw_renyi_large_n(experiment: Experiment) -> plt.Figure:
    """The stochastic estimate minus the exact entropy, with the errors that it reports."""
    table = experiment.table("renyi_large_n")
    widths = sorted(set(table["bandwidth"]))
    figure, axes = plt.subplots(1, len(widths), figsize=(13, 4.2), sharey=True)
    for ax, width, letter in zip(axes, widths, "abc", strict=True):
        for place, (_, rows) in enumerate(table[table["bandwidth"] == width].groupby("alpha")):
            at = place + np.linspace(-0.2, 0.2, len(rows))
            total = rows["probe_error"] + rows["lanczos_error"]
            ax.errorbar(at, rows["value"] - rows["exact"], yerr=2 * total, fmt="o", ms=5, capsize=3,
                        color=plots.ESTIMATOR_COLOURS["Rényi"])  # fmt: skip
            ax.annotate(f"{rows['exact'].iloc[0]:.2f}", (place, 0.02), xycoords=("data", "axes fraction"), ha="center",
                        fontsize=9, color=plots.MUTED)  # fmt: skip
        ax.axhline(0, color="black", ls="--", lw=2.2, zorder=0)
        alphas = sorted(set(table["alpha"]))
        ax.set(xticks=range(len(alphas)), xticklabels=[f"{alpha:g}" for alpha in alphas], xlabel="alpha")
        ax.set_title(f"{letter}  bandwidth {width:g}", loc="left")
    axes[0].set_ylabel("stochastic minus exact  [bit]")
    return figure


def draw_subadditivity(table: pd.DataFrame, *, cases: tuple = ("constructed", "layer1", "layer5")) -> plt.Figure:
    """S(X) + S(T) - S(X, T) over alpha and n: negative, in blue, where the joint entropy exceeds the sum."""
    figure, axes = plt.subplots(1, len(cases), figsize=(5.2 * len(cases), 4.4), squeeze=False)
    for ax, case, letter in zip(axes[0], cases, "abc", strict=False):
        rows = table[table["case"] == case]
        wide = rows.pivot_table(index="alpha", columns="n", values="value").sort_index(ascending=False)
        wide.index, wide.columns = [f"{a:g}" for a in wide.index], [f"{n:,}" for n in wide.columns]
        last = case == cases[-1]
        plots.plot_errors(wide, limit=3.0, label="S(X) + S(T) - S(X,T)  [bit]" if last else None, ax=ax)
        name = "the constructed case" if case == "constructed" else f"X and T, {case}, trained tanh net"
        ax.set_title(f"{letter}  {name}", loc="left", fontsize=12)
        ax.set(xlabel="samples n", ylabel="alpha" if letter == "a" else "")
    return figure


def draw_orders(table: pd.DataFrame, *, layer: str) -> plt.Figure:
    """The constructed case beside one layer of the trained network."""
    return draw_subadditivity(table, cases=("constructed", layer))


def draw_quantised(table: pd.DataFrame, *, samples: int | None = None, levels: int | None = None) -> plt.Figure:
    """Every estimator of I(X;T) and I(T;Y) beside exact counting, layer by layer."""
    samples = int(table["n"].max()) if samples is None else samples
    levels = int(table["levels"].max()) if levels is None else levels
    rows = table[(table["n"] == samples) & (table["levels"] == levels)]
    figure, axes = plt.subplots(1, 2, figsize=(14.5, 5))
    for ax, (quantity, name), letter in zip(axes, (("i_xt", "I(X;T)"), ("i_ty", "I(T;Y)")), "ab", strict=True):
        one = rows[rows["quantity"] == quantity].assign(place=lambda r: r["layer"].map(LAYERS.index) + 1)
        plots.plot_estimates(one, x="place", each=True, ax=ax)
        plots.plot_truth(one, x="place", ax=ax, label="exact (all patterns counted)")
        ax.set(xticks=range(1, len(LAYERS) + 1), xlabel="layer", ylabel=f"{name}  [bit]")
        end = math.log2(samples) if quantity == "i_xt" else float(rows["entropy_y"].iloc[0])
        ax.axhline(end, color=plots.MUTED, ls=":", lw=1.5, label="log2 n in a, H(Y) in b")
        largest = max(end, float(table.loc[table["quantity"] == quantity, "truth"].max()), one["value"].max() / 1.2)
        ax.set_ylim(-0.08 * largest, 1.25 * largest)
        title = f"{letter}  {name}, {levels} levels, n = {samples:,} of {rows['n_all'].iloc[0]:,} patterns"
        ax.set_title(title, loc="left", fontsize=12)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure


def draw_distances(experiment: Experiment) -> plt.Figure:
    """CNNSlicer's three quantities where the answer is known."""
    table = experiment.table("distance_estimators")
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.5))
    names = {"inter-sample entropy": "neighbours k", "channel capacity": "bins", "intra-sample entropy": "bins"}
    for ax, (quantity, parameter), letter in zip(axes, names.items(), "abc", strict=True):
        rows = table[table["quantity"] == quantity]
        for (value, each), colour in zip(rows.groupby("parameter"), plots.shades(3), strict=False):
            mean, std = each.groupby("n")["value"].mean(), each.groupby("n")["value"].std()
            ax.plot(mean.index, mean, "o-", color=colour, label=f"{value} {parameter.split()[0]}")
            ax.fill_between(mean.index, mean - std, mean + std, color=colour, alpha=0.2, lw=0)
            truth = each.groupby("n")["truth"].first()
            ax.plot(truth.index, truth, color=colour, ls="--", lw=1.5)
        plots.log_axis(ax, sorted(set(rows["n"])))
        ax.set(xlabel="values in a map" if letter == "c" else "samples n", ylabel=f"{quantity}  [bit]")
        ax.set_title(f"{letter}  {quantity}", loc="left")
        ax.legend(fontsize=10)
    axes[1].axhline(0, color="black", ls="--", lw=2)
    return figure


def _of(name: str, make):
    return lambda experiment: make(experiment.table(name))


FIGURES = {
    "strength": FigureSpec(
        _of("normal_pairs", draw_strength), lambda e: e.table("normal_pairs"),
        "Normal variables correlated in pairs; black dashes: exact. Bands: 95 % interval over draws.",
    ),
    "sizes": FigureSpec(
        draw_sizes, lambda e: pd.concat([e.table("normal_pairs"), e.table("collapse")]),
        "Errors at the middle correlation; bands: 95 % interval over draws. Last panel: correlation .5 in every pair.",
    ),
    "collection": FigureSpec(
        draw_collection, lambda e: e.table("collection"), "Samplers whose exact information is known; mean over draws."
    ),
    "tuning": FigureSpec(
        _of("tuning", draw_tuning), lambda e: e.table("tuning"),
        "Normal 1+1, correlation .75; black dashes: exact; bands: one standard deviation over draws.",
    ),
    "kde_bounds": FigureSpec(
        draw_kde, lambda e: e.table("kde_bounds"), "Kernel bounds of I(X;T+Z) for one neuron, and its exact value."
    ),
    "binning": FigureSpec(
        draw_binning, lambda e: e.table("binning_saturation"),
        "Independent normal neurons, 30 bins from -5 to 5; bands: 95 % interval over draws.",
    ),
    "renyi_large_n": FigureSpec(
        draw_renyi_large_n, lambda e: e.table("renyi_large_n"),
        "Ten normal dimensions; bars: twice the reported error; grey: the exact entropy in bits.",
    ),
    "subadditivity": FigureSpec(
        _of("subadditivity", draw_subadditivity), lambda e: e.table("subadditivity"),
        "Blue: the joint entropy exceeds the sum of its parts. Networks: mean over them, Silverman bandwidths, h = 5.",
    ),
    "quantised_network": FigureSpec(
        _of("quantised_network", draw_quantised), lambda e: e.table("quantised_network"),
        "tanh 12-10-7-5-4-3-2, quantised; black dashes: exact. Lines: mean; small dots: single networks.",
    ),
    "distances": FigureSpec(
        draw_distances, lambda e: e.table("distance_estimators"),
        "a: dashes log2(n k); b: independent channels, exact 0; c: uniform values, dashes log2 bins.",
    ),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- words about the run


def facts(experiment: Experiment, table: pd.DataFrame) -> str:
    """Draws and data of a table, for captions."""
    uses_network = bool({"tanh_12", "layer1"} & set(table["model"]))
    n_seeds = len(set(table["seed"]))
    seeds = f"{n_seeds} {'networks' if uses_network else 'draws'}" if n_seeds > 1 else ""
    parts = [f"Data: {_patterns().label}."] if uses_network or "neuron" in table else []
    if "Rényi" in set(table.get("estimator", [])):
        parts.append(f"Rényi up to n = {experiment.settings.largest_renyi:,}.")
    parts += [f"{seeds}."] if seeds else []
    return " ".join([*parts, f"Profile {experiment.profile}."])


def network_words(experiment: Experiment) -> str:
    """What the quantised network's layers hold exactly, in this run."""
    table = experiment.table("quantised_network")
    parts = []
    for levels, rows in table[table["quantity"] == "i_xt"].groupby("levels"):
        exact = rows.groupby("layer", sort=False)["truth"].mean()
        parts.append(f"{levels} levels: {', '.join(f'{value:.2f}' for value in exact)}")
    n_all = int(table["n_all"].iloc[0])
    return (
        f"Exact I(X;T) in bits, layers 1 to {len(LAYERS)}, mean over {table['seed'].nunique()} networks, counted over "
        f"all {n_all:,} patterns (at most log2 {n_all:,} = {math.log2(n_all):.2f}): {'; '.join(parts)}."
    )


def show_guide(table: pd.DataFrame):
    """The guide for a page: root mean square errors in bits, the trustworthy ones in green."""
    shown = table.rename(columns={"error": "RMS error", "its error": "its RMS error"})
    formats = {column: "{:.2f}" for column in shown.select_dtypes("number")} | {"n": "{:,}", "saturated": "{:.0%}"}

    def colour(error: float) -> str:
        chosen = "#d5efdb" if error < 0.1 else "#f7ecc9" if error < 0.5 else "#f9d6d0"
        return f"background-color: {chosen}; color: #111"

    styled = shown.style.hide(axis="index").format(formats).map(colour, subset=["RMS error", "its RMS error"])
    return styled.set_properties(**{"text-align": "left"})


# --------------------------------------------------------------------------------------------- claims


def _per_seed(rows: pd.DataFrame, column: str = "value") -> pd.Series:
    return rows.groupby("seed")[column].mean()


def judge_bounds(rows: pd.DataFrame) -> Judgement:
    """Holds if lower bound <= exact value <= upper bound for every neuron and variance, to 1e-6 bit; else fails."""
    below, above = (rows["exact"] - rows["lower"]).min(), (rows["upper"] - rows["exact"]).min()
    widest = (rows["upper"] - rows["lower"]).max()
    measured = (
        f"smallest distance to the lower bound {below:.1e}, to the upper {above:.1e}; widest gap {widest:.2f} bit"
    )
    return Judgement(HOLDS if min(below, above) > -1e-6 else FAILS, measured)


def judge_unbiased(rows: pd.DataFrame) -> Judgement:
    """Holds if the mean error over draws lies within 0.05 bit at every correlation; fails if the 95 % interval of one
    lies outside; undecided otherwise."""
    errors = {rho: (one["value"] - one["truth"]).to_numpy() for rho, one in rows.groupby("rho")}
    worst = max(errors, key=lambda rho: abs(errors[rho].mean()))
    measured = f"largest mean error {words(errors[worst], 'bit', 3)}, at correlation {worst:g}"
    if all(abs(error.mean()) <= 0.05 for error in errors.values()):
        return Judgement(HOLDS, measured)
    outside = any(interval(error)[1] > 0.05 or interval(error)[2] < -0.05 for error in errors.values())
    return Judgement(FAILS if outside else UNDECIDED, measured)


def judge_collapse(rows: pd.DataFrame) -> Judgement:
    """At the largest dimension. Holds if the 95 % interval of the estimate lies below half of the exact value; fails if
    it lies above; undecided otherwise."""
    last = rows[rows["d"] == rows["d"].max()]
    truth, values = last["truth"].iloc[0], _per_seed(last)
    _, low, high = interval(values)
    measured = f"{words(values, 'bit')} of {truth:.2f} bit in {last['d'].iloc[0]} + {last['d'].iloc[0]} dimensions"
    return Judgement(HOLDS if high < truth / 2 else FAILS if low > truth / 2 else UNDECIDED, measured)


def judge_saturation(rows: pd.DataFrame) -> Judgement:
    """At ten neurons and every n. Holds if every plug-in estimate lies within 0.05 bit of log2 n although the exact
    entropy is more than 1 bit larger; fails otherwise."""
    rows = rows[(rows["d"] == 10) & (rows["estimator"] == "plug-in")]
    distance = (rows["log2_n"] - rows["value"]).max()
    measured = f"at most {distance:.3f} bit below log2 n; exact {rows['truth'].iloc[0]:.1f} bit"
    return Judgement(HOLDS if distance < 0.05 and (rows["truth"] > rows["log2_n"] + 1).all() else FAILS, measured)


def judge_subadditive(rows: pd.DataFrame) -> Judgement:
    """Holds if S(X) + S(T) - S(X, T) is at least -1e-9 bit at every alpha, n and seed; fails if it is smaller once."""
    least = rows.loc[rows["value"].idxmin()]
    measured = f"least {least['value']:.3f} bit, at alpha = {least['alpha']:g}, n = {int(least['n']):,}"
    negative = rows[rows["value"] < -1e-9]
    if len(negative):
        measured += f"; below 0 from alpha = {negative['alpha'].min():g} on"
    return Judgement(FAILS if len(negative) else HOLDS, measured)


def judge_invariant(rows: pd.DataFrame) -> Judgement:
    """Per draw, the estimate after monotone maps of both coordinates minus the one before. Holds if the mean of every
    map lies within 0.05 bit; fails if the 95 % interval of one lies outside; undecided otherwise."""
    wide = rows.pivot_table(index="seed", columns="case", values="value")
    changes = {name: wide[name] - wide["pairs_1x1_0.75_1"] for name in MONOTONE}
    worst = max(changes, key=lambda name: abs(changes[name].mean()))
    measured = f"largest change {words(changes[worst], 'bit', 3)}, by {worst}"
    if all(abs(change.mean()) <= 0.05 for change in changes.values()):
        return Judgement(HOLDS, measured)
    outside = any(interval(change)[1] > 0.05 or interval(change)[2] < -0.05 for change in changes.values())
    return Judgement(FAILS if outside else UNDECIDED, measured)


def judge_order_of_layers(rows: pd.DataFrame) -> Judgement:
    """Per network, Spearman correlation over the five layers of the estimate with the exact value, for the quantity
    chosen. Holds if the smallest is at least 0.9 in every network; fails if the mean is below 0.9; else undecided."""
    correlations = []
    for _, one in rows.groupby("seed"):
        constant = one["value"].max() == one["value"].min()
        correlations.append(0.0 if constant else one["value"].corr(one["truth"], method="spearman"))
    measured = f"rank correlation over layers {words(correlations, limits=(-1, 1))}"
    if min(correlations) >= 0.9:
        return Judgement(HOLDS, measured)
    return Judgement(FAILS if np.mean(correlations) < 0.9 else UNDECIDED, measured)


MONOTONE = ("asinh", "cube_root", "normal_cdf", "half_cube")


def _pairs_of(estimator: str, d: int):
    def select(tables) -> pd.DataFrame:
        table = tables["normal_pairs"]
        return table[(table["estimator"] == estimator) & (table["d"] == d) & (table["n"] == table["n"].max())]

    return select


def _collection_of(estimator: str):
    def select(tables) -> pd.DataFrame:
        table = tables["collection"]
        chosen = table["case"].isin([*MONOTONE, "pairs_1x1_0.75_1"])
        return table[(table["estimator"] == estimator) & chosen]

    return select


def _case(constructed: bool):
    def select(tables) -> pd.DataFrame:
        table = tables["subadditivity"]
        return table[(table["case"] == "constructed") == constructed]

    return select


def _layers_of(estimator: str, quantity: str):
    def select(tables) -> pd.DataFrame:
        table = tables["quantised_network"]
        chosen = (table["estimator"] == estimator) & (table["quantity"] == quantity)
        rows = table[chosen & (table["levels"] == table["levels"].min())]  # coarse: the layers really differ
        return rows[rows["n"] == rows["n"].max()]

    return select


def _claims_of_layers() -> list[Claim]:
    found = []
    for estimator in ("KDE upper, 0.1", "KDE upper, 0.001", "binning", "Rényi", "KSG 1"):
        found.append(
            Claim(
                "6", "The estimate puts the layers of a quantised network into the order of their exact I(X;T).",
                "assumed wherever layers are compared", _layers_of(estimator, "i_xt"), judge_order_of_layers,
                Needs(seeds=3), estimator,
            )
        )  # fmt: skip
    return found


CLAIMS = [
    Claim(
        "1", "The two kernel bounds hold the exact I(X;T+Z) between them.", "a theorem (Kolchinsky & Tracey 2017)",
        lambda tables: tables["kde_bounds"], judge_bounds, Needs(seeds=1),
    ),
    Claim(
        "2", "KSG is nearly unbiased in 1 + 1 dimensions.", "errors of a few 0.01 nat (Kraskov et al. 2004)",
        _pairs_of("KSG 1", 1), judge_unbiased, Needs(seeds=5), "KSG 1",
    ),
    Claim(
        "2", "KSG is nearly unbiased in 1 + 1 dimensions.", "errors of a few 0.01 nat (Kraskov et al. 2004)",
        _pairs_of("KSG 2", 1), judge_unbiased, Needs(seeds=5), "KSG 2",
    ),
    Claim(
        "3", "KSG finds less than half of the information in 16 + 16 dimensions.",
        "needs about 2^I samples (Gao et al. 2015)", lambda tables: tables["collapse"], judge_collapse, Needs(seeds=3),
    ),
    Claim(
        "4", "Binned rows saturate: with ten neurons the estimate is log2 n, whatever T is.",
        "a property of plug-in entropies", lambda tables: tables["binning_saturation"].drop(columns="at_bound"),
        judge_saturation, Needs(seeds=3),
    ),
    Claim(
        "5", "The matrix-based joint entropy is at most the sum of its parts.", "Proposition 1 (Yu et al. 2018)",
        _case(True), judge_subadditive, Needs(seeds=1), "constructed",
    ),
    Claim(
        "5", "The matrix-based joint entropy is at most the sum of its parts.", "Proposition 1 (Yu et al. 2018)",
        _case(False), judge_subadditive, Needs(seeds=3), "trained network",
    ),
    *_claims_of_layers(),
    *(Claim(
        "7", "Monotone maps of the coordinates leave the estimate alone, as they leave I(X;Y).",
        "true of I(X;Y) itself", _collection_of(estimator), judge_invariant, Needs(seeds=5), estimator,
    ) for estimator in ("KSG 1", "binning", "binning, equal count", "Rényi")),
]  # fmt: skip
