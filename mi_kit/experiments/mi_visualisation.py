"""Fang, Wang and Yamaguchi (2018): Dissecting deep learning networks, visualizing mutual information. Notebook 01."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from .. import cache, data, models, plots, runs, training
from .. import estimators as est
from ..claims import FAILS, HOLDS, UNDECIDED, Claim, Judgement, Needs, interval, words
from . import Experiment, FigureSpec

NOTEBOOK = "01_mi_visualisation"
IMAGE_NETWORKS = ("relu_mlp", "lenet", "densenet")
PLANE_NETWORKS = ("tanh_12", "relu_mnist_narrow")
LITERAL_VARIANCE = 0.1
ALLOWED_SHARE = 0.05  # of points at a bound, for the second reading


# --------------------------------------------------------------------------------------------- settings


@dataclass(frozen=True)
class Settings:
    """What a run is made of. Steps are updates (the paper's iterations)."""

    images: str = "mnist"  # the data set of all networks but tanh_12, one of IMAGES
    n_train: int = 55_000
    n_test: int = 10_000  # test images that accuracy is measured on
    n_samples: int = 2_000  # of them, those that the estimates are made on
    n_patterns: int = 4_096  # patterns of the 12-bit set that the estimates are made on
    n_seeds: int = 5
    tanh_seeds: int = 5
    steps: int = 50_000  # of the three networks of F4
    tanh_steps: int = 50_000
    narrow_steps: int = 10_000
    n_early: int = 8  # estimates in logarithmic distance, before the first of the evenly spaced ones
    n_even: int = 50  # estimates in even distance, a multiple of 5: the first fifth is a figure of its own
    batch_size: int = 100
    tanh_batch_size: int = 256
    lr: float = 1e-3
    noise_variances: tuple = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
    noise_shares: tuple = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of a layer's total variance
    n_frames: int = 60  # of each pair of sliders, at most
    precision: str = "float32"
    device: str = "auto"

    def __post_init__(self):
        if self.images not in IMAGES:
            raise ValueError(f"images must be one of {', '.join(IMAGES)}; got images={self.images!r}.")
        for name, least in MINIMA.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {name}={getattr(self, name)}.")
        if self.n_samples > self.n_test:
            raise ValueError(f"n_samples must be at most n_test={self.n_test}; got n_samples={self.n_samples}.")
        if self.n_even % 5:
            raise ValueError(f"n_even must be a multiple of 5; got n_even={self.n_even}.")


IMAGES = ("mnist", "fashion-mnist", "digits")  # one channel of 28x28: what the networks are built for
MINIMA = {"n_train": 1, "n_test": 2, "n_samples": 2, "n_patterns": 2, "n_seeds": 1, "tanh_seeds": 1, "steps": 1,
          "tanh_steps": 1, "narrow_steps": 1, "n_early": 0, "n_even": 5, "batch_size": 1, "tanh_batch_size": 1,
          "n_frames": 2}  # fmt: skip
_DECADES = (0.01, 0.1, 1.0, 10.0, 100.0)
_SHARES = (0.003, 0.01, 0.03, 0.1, 0.3)
PROFILES = {
    "smoke": Settings(
        n_train=2_000, n_test=250, n_samples=250, n_patterns=512, n_seeds=2, tanh_seeds=2, steps=10, tanh_steps=100,
        narrow_steps=20, n_early=1, n_even=5, n_frames=12, noise_variances=_DECADES, noise_shares=_SHARES,
    ),
    "quick": Settings(
        n_test=1_000, n_samples=1_000, n_patterns=1_024, n_seeds=3, steps=200, tanh_steps=10_000, narrow_steps=500,
        n_early=4, n_even=5, n_frames=30, noise_variances=_DECADES, noise_shares=_SHARES,
    ),
    "paper": Settings(),
}  # fmt: skip


def first_fifth(steps: int) -> int:
    """The end of the first fifth of the iterations: 10,000 of the paper's 50,000."""
    return round(steps / 5)


def moments(steps: int, n_early: int, n_even: int) -> list[int]:
    """Step 0, `n_early` steps in logarithmic distance, then `n_even` evenly spaced ones up to `steps`."""
    even = {round(steps * k / n_even) for k in range(1, n_even + 1)} | {first_fifth(steps)}
    early = {round(step) for step in np.geomspace(1, max(1, min(even)), n_early, endpoint=False)} if n_early else set()
    return sorted({0} | even | early)


# --------------------------------------------------------------------------------------------- data and runs


@functools.lru_cache(maxsize=4)
def _dataset(name: str, n_train: int | None, n_test: int | None) -> data.Dataset:
    return data.load(name, n_train=n_train, n_test=n_test)


def dataset_of(settings: Settings, network: str) -> data.Dataset:
    """The data that a network of this paper is trained on."""
    if network == "tanh_12":
        return _dataset("12bit", None, None)
    if settings.images in data.EMBEDDED:
        return _dataset(settings.images, None, None)
    return _dataset(settings.images, settings.n_train, settings.n_test)


def datasets(settings: Settings) -> list[data.Dataset]:
    """Every data set that the experiment uses."""
    return [dataset_of(settings, network) for network in ("lenet", "tanh_12")]


def steps_of(settings: Settings, network: str) -> int:
    return {"tanh_12": settings.tanh_steps, "relu_mnist_narrow": settings.narrow_steps}.get(network, settings.steps)


def run_of(settings: Settings, network: str) -> runs.Run:
    """The trained network, with the estimates of its planes made while it trained."""
    dataset = dataset_of(settings, network)
    steps = steps_of(settings, network)
    at = moments(steps, settings.n_early, settings.n_even)
    kept = [0, *(step for step in at if settings.n_even >= 10 and step % max(1, steps // 10) == 0)]
    return training.train(
        network,
        dataset,
        seeds=range(settings.tanh_seeds if network == "tanh_12" else settings.n_seeds),
        lr=settings.lr,
        batch_size=settings.tanh_batch_size if network == "tanh_12" else settings.batch_size,
        steps=steps,
        checkpoints=kept,
        observe=_observer(settings),
        observe_at=at,
        precision=settings.precision,
        device=settings.device,
    )


def _observer(settings: Settings):
    return functools.partial(
        observe_plane,
        noise_variances=settings.noise_variances,
        noise_shares=settings.noise_shares,
        n_samples=settings.n_samples,
        n_patterns=settings.n_patterns,
    )


def observe_plane(
    moment: training.Moment, *, noise_variances: tuple, noise_shares: tuple, n_samples: int, n_patterns: int
) -> list[dict]:
    """I(X;T) and I(T;Y) of every block: KDE, upper bound, for absolute and for relative noise.

    On `n_samples` of the test images, or, for the 12-bit patterns, on `n_patterns` of the whole set. The output is
    estimated twice, as logits and as softmax. Absolute noise has a variance of `noise_variances`; relative noise has
    a share of `noise_shares` of the total variance of the layer at this moment.
    """
    dataset = moment.dataset
    if len(dataset.input_shape) == 1:
        x, y = _some_of(dataset, True, n_patterns)
    else:
        x, y = _some_of(dataset, False, n_samples)
    activations = moment.activations(None, x)
    representations = {**activations, "softmax": torch.softmax(activations["output"].float(), dim=-1)}
    rows = []
    for layer, t in representations.items():
        t = t.float().flatten(2)
        absolute = torch.tensor(noise_variances, device=t.device)[:, None].expand(-1, moment.n_members)
        relative = torch.tensor(noise_shares, device=t.device)[:, None] * total_variance(t)
        found = est.kde_information(t, y, noise_variance=torch.cat([absolute, relative]), bound="upper")
        named = [("absolute", value) for value in noise_variances] + [("relative", value) for value in noise_shares]
        rows += [
            {"member": member, "layer": layer, "noise": noise, "noise_variance": value,
             "i_xt": float(found.i_xt[v, member]), "i_ty": float(found.i_ty[v, member]), "n_samples": len(x),
             "entropy_y": est.label_entropy(y)}
            for v, (noise, value) in enumerate(named) for member in range(moment.n_members)
        ]  # fmt: skip
    return rows


observe_plane.version = 4


def total_variance(t: torch.Tensor) -> torch.Tensor:
    """Mean squared distance from the mean, (members, n, d) -> (members,); 1 where a layer is constant to rounding."""
    mean = t.mean(1, keepdim=True)
    total = (t - mean).square().sum(-1).mean(-1)
    constant = total <= 1e-12 * mean.square().sum((1, 2))
    return torch.where(constant, torch.ones_like(total), total)


@functools.lru_cache(maxsize=4)
def _some_of(dataset: data.Dataset, whole: bool, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """n random samples of the whole set or of its test part, always the same ones; all of them where n says so."""
    x, y = dataset.x_test, dataset.y_test
    if whole:
        x, y = torch.cat([dataset.x_train, x]), torch.cat([dataset.y_train, y])
    if n >= len(x):
        return x, y
    chosen = torch.from_numpy(np.random.default_rng(0).permutation(len(x))[:n].copy())
    return x[chosen], y[chosen]


# --------------------------------------------------------------------------------------------- tables


def identities(settings: Settings) -> dict:
    """What names a result beside the settings: the data found, the networks' source, the observer's version."""
    networks = (*IMAGE_NETWORKS, *PLANE_NETWORKS)
    found = {each: [models.resolve(each).source_hash, dataset_of(settings, each).identity] for each in networks}
    return found | {"observer": training.observer_name(_observer(settings))}


@cache.cached(version=1, also=identities)
def architectures(settings: Settings) -> pd.DataFrame:
    """Blocks, layers, shapes and parameters of the five networks."""
    tables = [models.describe(network).assign(model=network) for network in (*IMAGE_NETWORKS, *PLANE_NETWORKS)]
    table = pd.concat(tables, ignore_index=True)
    table["output_shape"] = ["×".join(map(str, shape)) for shape in table["output_shape"]]
    return table[["model", "block", "layer", "output_shape", "parameters"]]


@cache.cached(version=2, also=identities)
def training_curves(settings: Settings) -> pd.DataFrame:
    """Losses (bits) and test accuracy of the three networks over training."""
    tables = []
    for network in IMAGE_NETWORKS:
        dataset = dataset_of(settings, network)
        more = {"model": network, "dataset": dataset.name, "n_test": len(dataset.x_test)}
        tables.append(run_of(settings, network).metrics.assign(**more))
    columns = ["dataset", "model", "seed", "step", "epoch", "quantity", "value", "n_test"]
    return pd.concat(tables, ignore_index=True)[columns]


@cache.cached(version=4, also=identities)
def plane_estimates(settings: Settings) -> pd.DataFrame:
    """I(X;T) and I(T;Y) of every network, seed, step, layer and noise variance, with `at_bound`."""
    tables = []
    for network in (*IMAGE_NETWORKS, *PLANE_NETWORKS):
        rows = run_of(settings, network).observed(training.observer_name(_observer(settings)))
        tables.append(rows.assign(model=network, dataset=dataset_of(settings, network).name))
    table = pd.concat(tables, ignore_index=True)
    table["log2_n"] = np.log2(table["n_samples"])
    table["estimator"] = "kde upper"
    table["at_bound"] = at_bound(table)
    columns = ["dataset", "model", "seed", "step", "epoch", "layer", "estimator", "noise", "noise_variance"]
    return table[[*columns, "i_xt", "i_ty", "at_bound", "log2_n", "entropy_y", "n_samples"]]


def at_bound(table: pd.DataFrame) -> np.ndarray:
    """A point is at a bound where its I(X;T) lies there (0, log2 n) or its I(T;Y) does (0, H(Y))."""
    of_x = est.at_bound(torch.tensor(table["i_xt"].to_numpy()), torch.tensor(table["log2_n"].to_numpy()))
    of_y = est.at_bound(torch.tensor(table["i_ty"].to_numpy()), torch.tensor(table["entropy_y"].to_numpy()))
    return (of_x | of_y).numpy()


@cache.cached(version=4, also=identities)
def saturation(settings: Settings) -> pd.DataFrame:
    """The share of points at a bound for every noise, each network and all together (output as softmax)."""
    table = plane_estimates(settings)
    keys = ["noise", "model", "noise_variance"]
    each = table[table["layer"] != "output"].groupby(keys, sort=False)["at_bound"].mean().rename("share").reset_index()
    together = each.groupby(["noise", "noise_variance"])["share"].mean().reset_index()  # every network counts alike
    return pd.concat([each, together.assign(model="all")], ignore_index=True)


def best_noise(shares: pd.DataFrame, noise: str) -> tuple[float, float]:
    """The smallest noise with under 5 % of all points at a bound, or, if there is none, the one with the least.

    shares: the table of `saturation`. noise: "absolute" or "relative". Returns the noise and its share of points.
    """
    every = shares[(shares["model"] == "all") & (shares["noise"] == noise)].sort_values("noise_variance")
    under = every[every["share"] < ALLOWED_SHARE]
    chosen = under.iloc[0] if len(under) else every.loc[every["share"].idxmin()]
    return float(chosen["noise_variance"]), float(chosen["share"])


def reading(table: pd.DataFrame, noise: str, value: float, output: str) -> pd.DataFrame:
    """The rows of one noise, with the output taken as "logits" or "softmax" and called `output`."""
    dropped, kept = ("softmax", "output") if output == "logits" else ("output", "softmax")
    rows = table[(table["noise"] == noise) & (table["noise_variance"] == value) & (table["layer"] != dropped)]
    return rows.assign(layer=rows["layer"].replace({kept: "output"})).reset_index(drop=True)


@cache.cached(version=4, also=identities)
def literal_planes(settings: Settings) -> pd.DataFrame:
    """The planes as the paper reads: noise variance 0.1, logits."""
    return reading(plane_estimates(settings), "absolute", LITERAL_VARIANCE, "logits")


@cache.cached(version=4, also=identities)
def second_planes(settings: Settings) -> pd.DataFrame:
    """The planes of the second reading: softmax, noise relative to each layer's variance, its share by `best_noise`."""
    value, _ = best_noise(saturation(settings), "relative")
    return reading(plane_estimates(settings), "relative", value, "softmax")


TABLES = {
    "architectures": architectures,
    "training_curves": training_curves,
    "plane_estimates": plane_estimates,
    "saturation": saturation,
    "literal_planes": literal_planes,
    "second_planes": second_planes,
}


# --------------------------------------------------------------------------------------------- figures


def draw_architectures(experiment: Experiment) -> plt.Figure:
    """F1: the five networks as rows of blocks."""
    table = experiment.table("architectures")
    table = table.assign(output_shape=[tuple(shape.split("×")) for shape in table["output_shape"]])
    networks = (*IMAGE_NETWORKS, *PLANE_NETWORKS)
    figure, axes = plt.subplots(len(networks), figsize=(12.5, 2.15 * len(networks)))
    for ax, network in zip(axes, networks, strict=True):
        plots.plot_architecture(table[table["model"] == network], title=plots.NETWORK_NAMES[network], ax=ax)
    return figure


def draw_training(experiment: Experiment) -> plt.Figure:
    """F2: loss and test accuracy, mean and t interval over seeds."""
    table = experiment.table("training_curves")
    keys = ["model", "step", "quantity"]
    means = table.groupby(keys, sort=False)["value"].agg(lambda values: interval(values)).reset_index()
    means[["mean", "low", "high"]] = pd.DataFrame(means["value"].tolist())
    means["low"] = means["low"].clip(lower=0)
    means.loc[means["quantity"] == "test_accuracy", "high"] = means["high"].clip(upper=1)
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.4))
    plots.plot_training_curves(means, "train_loss", ax=axes[0])
    plots.plot_training_curves(means, "test_accuracy", ax=axes[1])
    axes[0].set_title("a  Training loss")
    axes[1].set_title("b  Test accuracy")
    axes[0].get_legend().remove()
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def slider_steps(table: pd.DataFrame, networks: tuple) -> list[int]:
    """The iterations at which any of the networks was estimated: the positions of a slider."""
    return sorted(int(step) for step in set(table.loc[table["model"].isin(networks), "step"]))


def layer_at(table: pd.DataFrame, place: str) -> str:
    """The layer of one network at a place: "all", "1", "2", ... or "output"."""
    layers = list(dict.fromkeys(table["layer"]))
    if place in ("all", "output"):
        return place
    return layers[int(place) - 1] if int(place) < len(layers) else "none"


def draw_planes(
    table: pd.DataFrame, networks: tuple, *, iteration: int | None = None, layer: str = "all"
) -> plt.Figure:
    """The planes of several networks side by side, up to an iteration, with one layer in colour or all of them."""
    figure, axes = plt.subplots(1, len(networks), figsize=(5.6 * len(networks), 4.4), squeeze=False)
    for ax, network, letter in zip(axes[0], networks, "abc", strict=False):
        rows = table[table["model"] == network]
        _plane(rows, network, iteration, layer_at(rows, layer), ax, letter)
        plots.plane_legend(ax)
    return figure


def _plane(rows: pd.DataFrame, network: str, until: int | None, highlight: str, ax: plt.Axes, letter: str) -> None:
    plots.plot_information_plane(rows, highlight=highlight, until=until, ax=ax)
    last = rows["step"].max() if until is None else min(until, rows["step"].max())
    ax.set_title(f"{letter}  {plots.NETWORK_NAMES[network]}, iterations 0 to {last:,}", fontsize=11, loc="left")


def draw_f3(table: pd.DataFrame) -> plt.Figure:
    """F3: the planes of the two dense networks that the paper takes from earlier work."""
    return draw_planes(table, PLANE_NETWORKS)


def draw_f4(table: pd.DataFrame) -> plt.Figure:
    """F4: three networks, the first fifth of the iterations (10,000 of 50,000 in the paper) and all of them."""
    figure, axes = plt.subplots(3, 2, figsize=(11.5, 12))
    for row, network in enumerate(IMAGE_NETWORKS):
        rows = table[table["model"] == network]
        early = first_fifth(int(rows["step"].max()))
        for column, until in enumerate((early, None)):
            _plane(rows, network, until, "all", axes[row, column], "abcdef"[2 * row + column])
        plots.plane_legend(axes[row, 1])
    return figure


def draw_saturation(experiment: Experiment) -> plt.Figure:
    """The noise decides: share of points at a bound, for absolute and for relative noise."""
    table = experiment.table("saturation")
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), sharey=True)
    for ax, noise, name in zip(
        axes, ("absolute", "relative"), ("variance", "share of the layer's variance"), strict=True
    ):
        marks = {"chosen" if noise == "relative" else "best": best_noise(table, noise)[0]}
        if noise == "absolute":
            marks["literal"] = LITERAL_VARIANCE
        plots.plot_saturation(table[table["noise"] == noise], marks=marks, ax=ax)
        ax.set_xlabel(f"noise {name}")
    axes[0].set_title("a  One noise variance for all layers", loc="left", pad=22)
    axes[1].set_title("b  Noise relative to each layer", loc="left", pad=22)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=10)
    return figure


def _planes(name: str, draw):
    return lambda experiment: draw(experiment.table(name))


def _of(name: str, networks: tuple):
    return lambda experiment: experiment.table(name)[lambda rows: rows["model"].isin(networks)]


FIGURES = {
    "F1": FigureSpec(
        draw_architectures, lambda e: e.table("architectures"), "The networks as built; T is what a block puts out."
    ),
    "F2": FigureSpec(draw_training, lambda e: e.table("training_curves"), "Mean and 95 % interval over seeds."),
    "saturation": FigureSpec(
        draw_saturation, lambda e: e.table("saturation"), "A point is at a bound within 0.05 bit of 0, log2 n or H(Y)."
    ),
    "F3_literal": FigureSpec(
        _planes("literal_planes", draw_f3), _of("literal_planes", PLANE_NETWORKS), "Noise variance 0.1, logits."
    ),
    "F3": FigureSpec(
        _planes("second_planes", draw_f3), _of("second_planes", PLANE_NETWORKS), "Output as softmax."
    ),
    "F4_literal": FigureSpec(
        _planes("literal_planes", draw_f4), _of("literal_planes", IMAGE_NETWORKS), "Noise variance 0.1, logits."
    ),
    "F4": FigureSpec(
        _planes("second_planes", draw_f4), _of("second_planes", IMAGE_NETWORKS), "Output as softmax."
    ),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- words about the run


def facts(experiment: Experiment, table: pd.DataFrame) -> str:
    """Data sets, seeds and samples of a table, for captions; published results need no data for it."""
    if "share" in table:
        table = experiment.table("plane_estimates")  # which the shares are of
    if "dataset" not in table:
        return f"Profile {experiment.profile}."
    parts = []
    for name, rows in table.groupby("dataset", sort=False):
        seeds = rows.groupby("model")["seed"].nunique()
        samples = f", {int(rows['n_samples'].iloc[0]):,} samples" if "n_samples" in rows else ""
        samples += f", {int(rows['n_test'].iloc[0]):,} test images" if "n_test" in rows else ""
        parts.append(f"{_told(experiment, name)} ({seeds.min()} seeds{samples})")
    noise = ""
    if "noise" in table and set(table["noise"]) == {"relative"}:
        noise = f" Noise: {table['noise_variance'].iloc[0]:g} of each layer's variance."
    return f"Data: {'; '.join(parts)}.{noise} Profile {experiment.profile}."


def _told(experiment: Experiment, name: str) -> str:
    """The data set's name, with the one that it stands in for."""
    asked = "12bit" if "12bit" in name else experiment.settings.images
    return f"{name}, standing in for {asked}" if name in data.EMBEDDED and name != asked else name


def accuracy_words(experiment: Experiment) -> str:
    """The final accuracies of this run beside the paper's."""
    rows = _accuracies({"training_curves": experiment.table("training_curves")})
    parts = []
    for model, one in rows.groupby("model", sort=False):
        ours, theirs = words(100 * one["value"], limits=(0, 100)), f"{100 * PAPER_ACCURACY[model]:.2f}"
        parts.append(f"{plots.NETWORK_NAMES[model]} {ours} % (paper: {theirs} %)")
    return (
        f"Here, {_told(experiment, rows['dataset'].iloc[0])}, after {rows['step'].max():,} iterations, on "
        f"{rows['n_test'].iloc[0]:,} test images: {'; '.join(parts)}. The paper's numbers are of MNIST after 50,000 "
        "iterations. Brackets: 95 % interval over seeds; it does not cover the choice of test images."
    )


def saturation_words(experiment: Experiment) -> str:
    """What the figure of saturation shows, in numbers of this run."""
    shares = experiment.table("saturation")
    literal = experiment.table("literal_planes").groupby("model")["at_bound"].mean().mean()
    absolute, of_absolute = best_noise(shares, "absolute")
    relative, of_relative = best_noise(shares, "relative")
    of_each = shares[(shares["noise"] == "relative") & (shares["noise_variance"] == relative)].set_index("model")[
        "share"
    ]
    worst = of_each.drop("all").idxmax()
    return (
        f"Shares are means over the five networks. At the literal noise variance 0.1, with logits, {literal:.0%} of "
        f"the points sit at a bound; the best single variance, {absolute:g}, with softmax, leaves {of_absolute:.0%}. "
        f"Noise of {relative:g} times each layer's own variance leaves {of_relative:.0%} (most in "
        f"{plots.NETWORK_NAMES[worst]}: {of_each[worst]:.0%}): the second reading below uses it for all networks."
    )


# --------------------------------------------------------------------------------------------- claims

PAPER_ACCURACY = {"relu_mlp": 0.9693, "lenet": 0.9922, "densenet": 0.9923}


def _accuracies(tables) -> pd.DataFrame:
    table = tables["training_curves"]
    return _last(table[table["quantity"] == "test_accuracy"])


def _last(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["step"] == table.groupby("model")["step"].transform("max")]


def _per_seed(rows: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """(seeds, models), for differences within a seed."""
    return rows.pivot_table(index="seed", columns="model", values=column)


def judge_accuracy(rows: pd.DataFrame) -> Judgement:
    """Holds if the mean accuracy of every network lies within 0.5 percentage points of the paper's; fails if the
    whole 95 % interval of some network lies outside; undecided otherwise."""
    values = {model: 100 * one["value"].to_numpy() for model, one in rows.groupby("model", sort=False)}
    measured = "; ".join(
        f"{plots.NETWORK_NAMES[model]} {words(each, limits=(0, 100))} %" for model, each in values.items()
    )
    differences = [(interval(each), 100 * PAPER_ACCURACY[model]) for model, each in values.items()]
    if all(abs(found[0] - paper) <= 0.5 for found, paper in differences):
        return Judgement(HOLDS, measured)
    outside = any(found[1] > paper + 0.5 or found[2] < paper - 0.5 for found, paper in differences)
    return Judgement(FAILS if outside else UNDECIDED, measured)


def judge_separation(rows: pd.DataFrame) -> Judgement:
    """Within a seed, the spread between the networks (largest minus smallest) of last-layer I(T;Y) / H(Y), minus the
    spread of accuracy. Holds if the 95 % interval over seeds lies above 0; fails if it lies below; else undecided."""
    information = _per_seed(rows.assign(share=rows["i_ty"] / rows["entropy_y"]), "share")
    accuracy = _per_seed(rows, "accuracy")
    of_information = information.max(axis=1) - information.min(axis=1)
    of_accuracy = accuracy.max(axis=1) - accuracy.min(axis=1)
    measured = f"spread of I(T;Y)/H(Y) {words(of_information, digits=3)}, of accuracy {words(of_accuracy, digits=3)}"
    return Judgement(_sign(of_information - of_accuracy), measured)


def _sign(differences) -> str:
    _, low, high = interval(differences)
    return HOLDS if low > 0 else FAILS if high < 0 else UNDECIDED


def judge_order(rows: pd.DataFrame) -> Judgement:
    """Within a seed, last-layer I(T;Y) of DenseNet minus LeNet and of DenseNet minus ReLU-MLP at the last iteration.
    Holds if both 95 % intervals lie above 0; fails if one lies below; else undecided."""
    information = _per_seed(rows, "i_ty")
    names = [plots.NETWORK_NAMES[model] for model in IMAGE_NETWORKS]
    measured = "; ".join(
        f"{name} {words(information[model])} bit" for name, model in zip(names, IMAGE_NETWORKS, strict=True)
    )
    signs = [
        _sign(information["densenet"] - information["lenet"]),
        _sign(information["densenet"] - information["relu_mlp"]),
    ]
    return Judgement(_all_of(signs), measured)


def _all_of(verdicts: list[str]) -> str:
    if FAILS in verdicts:
        return FAILS
    return HOLDS if set(verdicts) == {HOLDS} else UNDECIDED


def judge_not_converged(rows: pd.DataFrame) -> Judgement:
    """The rise of I(T;Y), averaged over layers, from the first fifth of the iterations (10,000 of 50,000) to the last.
    Holds if the 95 % interval of every network lies above 0.02 bit; fails if that of one lies below; else undecided."""
    verdicts, measured = [], []
    for model, one in rows.groupby("model", sort=False):
        last = one["step"].max()
        mean = one.pivot_table(index="seed", columns="step", values="i_ty")
        rise = mean[last] - mean[first_fifth(last)]
        verdicts.append(_sign(rise - 0.02))
        measured.append(f"{plots.NETWORK_NAMES[model]} {words(rise, digits=3)} bit")
    return Judgement(_all_of(verdicts), "rise of I(T;Y): " + "; ".join(measured))


def judge_two_phases(rows: pd.DataFrame) -> Judgement:
    """Per hidden layer and seed: rise = largest I(X;T) minus the first, compression = largest minus the last, fall =
    largest I(T;Y) minus the last. Holds if in some layer the 95 % intervals of rise and compression both lie above
    0.1 bit and in every layer the mean fall is under 0.05 bit; fails if the interval of compression reaches 0.1 bit in
    no layer, or that of the fall lies above 0.05 bit in some layer; else undecided."""
    layers = []
    for layer, one in rows.groupby("layer", sort=False):
        of_x, of_y = (one.pivot_table(index="step", columns="seed", values=value) for value in ("i_xt", "i_ty"))
        layers.append(
            {"layer": layer, "rise": of_x.max() - of_x.iloc[0], "compression": of_x.max() - of_x.iloc[-1],
             "fall": of_y.max() - of_y.iloc[-1]}
        )  # fmt: skip
    most = max(layers, key=lambda each: each["compression"].mean())
    drop = max(layers, key=lambda each: each["fall"].mean())
    measured = (
        f"most compression in {most['layer']}: {words(most['compression'])} bit after a rise of "
        f"{words(most['rise'])}; largest fall of I(T;Y) in {drop['layer']}: {words(drop['fall'])}"
    )
    two_phases = any(interval(e["rise"])[1] > 0.1 and interval(e["compression"])[1] > 0.1 for e in layers)
    keeps = all(e["fall"].mean() < 0.05 for e in layers)
    none = all(interval(e["compression"])[2] < 0.1 for e in layers)
    falls = any(interval(e["fall"])[1] > 0.05 for e in layers)
    verdict = HOLDS if two_phases and keeps else FAILS if none or falls else UNDECIDED
    return Judgement(verdict, measured)


def _last_output(name: str):
    def select(tables) -> pd.DataFrame:
        table = tables[name]
        rows = _last(table[table["model"].isin(IMAGE_NETWORKS) & (table["layer"] == "output")])
        accuracy = _accuracies(tables)[["model", "seed", "value"]].rename(columns={"value": "accuracy"})
        return rows.merge(accuracy, on=["model", "seed"])

    return select


def _late(name: str):
    def select(tables) -> pd.DataFrame:
        table = tables[name]
        table = table[table["model"].isin(IMAGE_NETWORKS)]
        return table[table["step"] >= table.groupby("model")["step"].transform("max").map(first_fifth)]

    return select


def _hidden_layers(name: str, network: str):
    def select(tables) -> pd.DataFrame:
        table = tables[name]
        return table[(table["model"] == network) & (table["layer"] != "output")]

    return select


def _claims_of(reading: str, name: str) -> list[Claim]:
    """The claims that rest on an estimate, judged on the planes of one reading of the estimator."""
    image = Needs("mnist", seeds=3, steps=50_000, exactly=True)
    return [
        Claim(
            "1b", "Last-layer I(T;Y) separates the networks more than accuracy does.",
            "MI values magnify the performance discrepancies", _last_output(name), judge_separation, image, reading,
        ),
        Claim(
            "2", "Last-layer I(T;Y) ends higher in DenseNet than in LeNet and ReLU-MLP.",
            "higher than in the other two (Figure 4)", _last_output(name), judge_order, image, reading,
        ),
        Claim(
            "3", "No network has converged at 10,000 iterations: I(T;Y) still rises to 50,000.",
            "a noticeable increase", _late(name), judge_not_converged, image, reading,
        ),
        Claim(
            "8a", "tanh_12 shows diffusion, then compression, with I(T;Y) rising throughout.",
            "both phases; Saxe et al.: tanh compresses", _hidden_layers(name, "tanh_12"), judge_two_phases,
            Needs("12bit", seeds=3, steps=10_000), reading,
        ),
        Claim(
            "8b", "relu_mnist_narrow shows diffusion, then compression, with I(T;Y) rising throughout.",
            "both phases; Saxe et al.: ReLU does not compress", _hidden_layers(name, "relu_mnist_narrow"),
            judge_two_phases, Needs("mnist", seeds=3, steps=10_000), reading,
        ),
    ]  # fmt: skip


CLAIMS = [
    Claim(
        "1a", "Test accuracy at 50,000 iterations.", "ReLU-MLP 96.93 %, LeNet 99.22 %, DenseNet 99.23 %",
        _accuracies, judge_accuracy, Needs("mnist", seeds=3, steps=50_000, exactly=True),
    ),
    *(claim for pair in zip(_claims_of("literal", "literal_planes"), _claims_of("second", "second_planes"), strict=True)
      for claim in pair),
]  # fmt: skip
