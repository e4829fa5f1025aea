"""The tables of notebook 04: entropies of inputs and labels, capacities, and channels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ... import cache, deconvnet, models
from ... import estimators as est
from ...estimators import distances
from ...hypercube import Hypercube
from ...progress import bar
from .paper import INPUT_ENTROPIES
from .settings import (
    CHANNEL_LAYERS,
    CIFAR,
    LOOK_ALIKE_LAYER,
    MNIST,
    PAIRS,
    Settings,
    about,
    balanced_draw,
    cases,
    checkpoints,
    cube_of,
    dataset_of,
    identities,
    observed,
    run_of,
    shown_epoch,
    whole_first,
)

ALL = "all"  # the eleventh class: every input
ALIKE = 0.95  # correlation between the patterns of two channels, from which they count as look-alikes
PICTURES = 5  # inputs whose maps are shown
READINGS = {
    "printed": "as printed",
    "nearest subtracted": "nearest distance subtracted (UMAP)",
    "equal weights": "equal weights",
}


# --------------------------------------------------------------------------------------------- the network


@cache.cached(version=1, also=identities)
def architecture(settings: Settings) -> pd.DataFrame:
    """Layers, shapes and parameters of the network on the second data set."""
    dataset = dataset_of(settings, CIFAR)
    network = models.slicer(tuple(dataset.input_shape), settings.width, len(dataset.classes))
    table = models.describe(models.build(network), network.input_shape)
    table["output_shape"] = ["×".join(map(str, shape)) for shape in table["output_shape"]]
    return table


@cache.cached(version=1, also=identities)
def curves(settings: Settings) -> pd.DataFrame:
    """Training loss, test loss (bits) and test accuracy of every run; the training loss as the mean of an epoch."""
    found = []
    for part, per_class in cases(settings):
        table = run_of(settings, part, per_class).metrics
        of_training = table[table["quantity"] == "train_loss"].copy()
        of_training["epoch"] = np.ceil(of_training["epoch"].round(9))  # rows end within the epoch that they speak of
        whole = of_training.groupby(["seed", "epoch", "quantity"], as_index=False).agg({"step": "max", "value": "mean"})
        rest = table[table["quantity"] != "train_loss"][["seed", "epoch", "quantity", "step", "value"]]
        found.append(pd.concat([whole, rest], ignore_index=True).assign(**about(settings, part, per_class)))
    return pd.concat(found, ignore_index=True)


# --------------------------------------------------------------------------------------------- inputs


def drawn_inputs(settings: Settings, per_class: int, seed: int) -> Tensor:
    """Pixels of so many training images of every class, (n, pixels), drawn by `seed`."""
    whole = whole_first(settings)
    return whole.x_train[balanced_draw(whole.y_train, per_class, seed)].flatten(1)


@cache.cached(version=2, also=identities)
def input_entropies(settings: Settings) -> pd.DataFrame:
    """F5: inter-sample entropy of the pixels for every input size and draw of images."""
    rows = []
    for seed, per_class in itertools.product(range(settings.n_seeds), settings.per_class):
        x = drawn_inputs(settings, per_class, seed)
        k = min(settings.n_neighbors, len(x) - 1)
        value = float(est.inter_sample_entropy(x, n_neighbors=k))
        rows.append({**about(settings, MNIST, per_class), "seed": seed, "n_samples": len(x), "n_neighbors": k,
                     "value": value, "lowest": math.log2(len(x)), "step": 0})  # fmt: skip
    return pd.DataFrame(rows)


def weights_of(distance: Tensor, reading: str) -> Tensor:
    """Weights of the k nearest neighbours under a reading of eqs. 4 and 5: (n, k) -> (n, k)."""
    if reading == "equal weights":
        return torch.ones_like(distance)
    if reading == "nearest subtracted":
        distance = distance - distance[:, :1]
    return distances.neighbour_weights(distance)


@cache.cached(version=3, also=identities)
def readings(settings: Settings) -> pd.DataFrame:
    """The inter-sample entropy of the pixels for numbers of neighbours and readings of the formula, beside the numbers
    that the paper prints; one draw of images. asked: the number of neighbours, cut to all others in n_neighbors."""
    rows, todo = [], settings.per_class
    with bar(len(todo), "readings of the inter-sample entropy") as shown:
        for per_class in todo:
            x = drawn_inputs(settings, per_class, 0)
            most = min(max(settings.neighbour_counts), len(x) - 1)
            distance, nearest = distances.nearest_neighbours(x, most)
            distance, order = distance.sort(1)
            nearest = nearest.gather(1, order)
            for asked, reading in itertools.product(settings.neighbour_counts, READINGS):
                k = min(asked, most)
                value = distances.graph_entropy(weights_of(distance[:, :k], reading), nearest[:, :k])
                rows.append({**about(settings, MNIST, per_class), "seed": 0, "n_samples": len(x), "asked": asked,
                             "n_neighbors": k, "reading": reading, "value": float(value),
                             "printed": INPUT_ENTROPIES.get(per_class), "step": 0})  # fmt: skip
            shown.update()
    return pd.DataFrame(rows)


# --------------------------------------------------------------------------------------------- labels


@cache.cached(version=1, also=identities)
def labels(settings: Settings) -> pd.DataFrame:
    """F4, F6: H(x.label | y = i) and H(y | x.label = i) of every class, run and epoch, with the counts behind them."""
    found = []
    for part, per_class in cases(settings):
        rows, n_classes = observed(settings, part, per_class), len(dataset_of(settings, part).classes)
        keys = ["seed", "step", "epoch"]
        for key, one in rows.groupby(keys):
            counts = np.zeros((n_classes, n_classes), dtype=int)
            counts[one["true"], one["predicted"]] = one["count"]
            entropies = est.label_entropies(*labels_of(counts), n_classes)
            right = np.diag(counts).sum() / counts.sum()
            found += [
                {**dict(zip(keys, key, strict=True)), **about(settings, part, per_class), "class": number,
                 "true_given_predicted": float(entropies.true_given_predicted[number]),
                 "predicted_given_true": float(entropies.predicted_given_true[number]),
                 "n_true": int(counts[number].sum()), "n_predicted": int(counts[:, number].sum()),
                 "right": int(counts[number, number]), "accuracy": right, "n_samples": int(counts.sum())}
                for number in range(n_classes)
            ]  # fmt: skip
    return pd.DataFrame(found)


def labels_of(counts: np.ndarray) -> tuple[Tensor, Tensor]:
    """(true, predicted), a pair for every count of a confusion matrix."""
    true, predicted = np.indices(counts.shape)
    return tuple(torch.from_numpy(np.repeat(each.ravel(), counts.ravel())) for each in (true, predicted))


@cache.cached(version=1, also=identities)
def confusions(settings: Settings) -> pd.DataFrame:
    """F4, F7: confusion matrices of the smallest and largest input size and of the second data set at the epochs that
    are shown."""
    found = []
    for part, per_class in ((MNIST, settings.per_class[0]), (MNIST, settings.per_class[-1]), (CIFAR, 0)):
        rows = observed(settings, part, per_class)
        epochs = sorted(set(rows["epoch"]))
        chosen = {min(epochs, key=lambda each: abs(each - wanted)) for wanted in (0, 1, 2, 5, 10, 25, 50, 100)}
        found.append(rows[rows["epoch"].isin(chosen | {epochs[-1]})])
    return pd.concat(found, ignore_index=True)


# --------------------------------------------------------------------------------------------- capacities


def inputs_of(settings: Settings, count: int) -> list[int]:
    """The first `count` test images of the second data set, as even over the classes as they allow."""
    y = dataset_of(settings, CIFAR).y_test
    count = min(count, len(y))
    chosen = balanced_draw(y, -(-count // len(y.unique())))
    order = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(1))
    return chosen[order[:count]].sort()[0].tolist()


def capacity_of(cube: Hypercube, settings: Settings, pair: tuple[int, int], epoch: float, n_bins: int) -> np.ndarray:
    """(channels of the first layer, of the second) in bits, at one epoch."""
    sample = inputs_of(settings, settings.n_inputs)
    first, second = (cube.select(sample=sample, layer=layer, epoch=epoch) for layer in pair)
    return cube.capacity(first, second, n_bins=n_bins).to_numpy()[0]


def shared_facts(settings: Settings, cube: Hypercube, epoch: float) -> dict:
    """What names the rows of one epoch of a cube."""
    step = cube.select(epoch=epoch).steps[0]
    return {**about(settings, CIFAR), "seed": cube.run.seeds[cube.member], "epoch": epoch, "step": step}


@cache.cached(version=1, also=identities)
def capacity_maps(settings: Settings) -> pd.DataFrame:
    """F8, F10, F11, F12: the capacity of every channel pair of the first seed, at every checkpoint."""
    found, cube = [], cube_of(settings)
    todo = list(itertools.product(PAIRS, checkpoints(settings)))
    with bar(len(todo), "capacity maps") as shown:
        for pair, epoch in todo:
            values = capacity_of(cube, settings, pair, epoch, settings.n_bins).astype(np.float32)
            a, b = np.indices(values.shape)
            found.append(
                pd.DataFrame(
                    {"layer_a": pair[0], "layer_b": pair[1], "channel_a": a.ravel().astype(np.int16),
                     "channel_b": b.ravel().astype(np.int16), "value": values.ravel()}
                ).assign(**shared_facts(settings, cube, epoch), n_samples=settings.n_inputs)
            )  # fmt: skip
            shown.update()
    return pd.concat(found, ignore_index=True)


def map_facts(values: np.ndarray) -> dict:
    """Numbers of one capacity map: its mean and largest value; and of a square one, how its diagonal stands out."""
    row = {"mean": values.mean(), "largest": values.max(), "diagonal": math.nan, "others": math.nan,
           "diagonal_highest": math.nan, "look_alikes": look_alikes(values)}  # fmt: skip
    if values.shape[0] == values.shape[1]:
        diagonal, n = np.diag(values), len(values)
        others = values[~np.eye(n, dtype=bool)].reshape(n, n - 1)
        row |= {"diagonal": diagonal.mean(), "others": others.mean(),
                "diagonal_highest": float((diagonal > others.max(1)).mean())}  # fmt: skip
    return row


def look_alikes(values: np.ndarray) -> float:
    """The share of pairs of channels (rows) whose patterns over the other layer's channels correlate by 0.95 or more.

    Of a square map, a channel's own column is left out of both patterns. Rows that are constant look like nothing.
    """
    patterns = pattern_correlations(values)
    pairs = patterns[np.triu_indices(len(values), 1)]
    return float((pairs >= ALIKE).mean())


def pattern_correlations(values: np.ndarray) -> np.ndarray:
    """Correlation of every two rows of a capacity map; in a square one the columns of the two themselves left out."""
    n, square = len(values), values.shape[0] == values.shape[1]
    found = np.full((n, n), np.nan)
    for i, j in itertools.combinations(range(n), 2):
        kept = np.ones(values.shape[1], dtype=bool)
        if square and values.shape[1] > 3:
            kept[[i, j]] = False
        a, b = values[i, kept], values[j, kept]
        found[i, j] = found[j, i] = np.corrcoef(a, b)[0, 1] if a.std() > 0 and b.std() > 0 else 0.0
    return found


@cache.cached(version=1, also=identities)
def capacities(settings: Settings) -> pd.DataFrame:
    """What is said of the capacity maps, for every seed, pair of layers, epoch that is shown and number of bins.

    by_chance: the mean of a map whose second layer saw the inputs in another order: what the estimate gives for
    channels that share nothing.
    """
    epochs = [shown_epoch(settings, epoch) for epoch in (0, 20, 40, 80, 100, 120)]
    rows = []
    bins = (settings.n_bins, *settings.more_bins)
    todo = list(itertools.product(range(settings.n_seeds), PAIRS, dict.fromkeys(epochs), bins))
    with bar(len(todo), "capacities") as shown:
        for member, of_member in itertools.groupby(todo, key=lambda each: each[0]):
            cube = cube_of(settings, member)
            for _, pair, epoch, n_bins in of_member:
                if n_bins == settings.n_bins or epoch in (epochs[0], epochs[-1]):
                    values = capacity_of(cube, settings, pair, epoch, n_bins)
                    rows.append({**shared_facts(settings, cube, epoch), "layer_a": pair[0],
                                 "layer_b": pair[1], "n_bins": n_bins, **map_facts(values),
                                 "by_chance": by_chance(cube, settings, pair, epoch, n_bins),
                                 "n_samples": settings.n_inputs})  # fmt: skip
                shown.update()
    return pd.DataFrame(rows)


def by_chance(cube: Hypercube, settings: Settings, pair: tuple[int, int], epoch: float, n_bins: int) -> float:
    """The mean capacity of the first channels of two layers, where the second saw the inputs in another order."""
    sample = inputs_of(settings, settings.n_inputs)
    first, second = (cube.select(sample=sample, layer=layer, epoch=epoch, channel=slice(0, 4)).load().to_numpy()[0]
                     for layer in pair)  # fmt: skip
    order = np.random.default_rng(0).permutation(len(sample))
    return float(est.channel_capacity(torch.tensor(first), torch.tensor(second[order]), n_bins=n_bins).mean())


@cache.cached(version=1, also=identities)
def alike_pairs(settings: Settings) -> pd.DataFrame:
    """F9: for every two channels of layer 3, how alike their patterns in the map of layers 3 and 4 are, and how alike
    their feature maps (mean over images of the correlation of two maps)."""
    epoch, rows = shown_epoch(settings, 100), []
    for member in range(settings.n_seeds):
        cube = cube_of(settings, member)
        patterns = pattern_correlations(capacity_of(cube, settings, PAIRS[0], epoch, settings.n_bins))
        sample = inputs_of(settings, settings.n_images)
        maps = cube.select(sample=sample, layer=LOOK_ALIKE_LAYER, epoch=epoch).load().to_numpy()[0]
        likeness = map_correlations(torch.from_numpy(maps))
        first, second = np.triu_indices(len(patterns), 1)
        rows.append(
            pd.DataFrame({"channel_a": first, "channel_b": second, "pattern": patterns[first, second],
                          "likeness": likeness[first, second]})
            .assign(**shared_facts(settings, cube, epoch), n_samples=len(sample))
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def map_correlations(maps: Tensor) -> np.ndarray:
    """(n, C, ...) -> (C, C): mean over images of the correlation of two channels' maps; 0 for constant ones."""
    flat = maps.flatten(2).double()
    flat = flat - flat.mean(2, keepdim=True)
    flat = flat / flat.norm(dim=2, keepdim=True).clamp(min=1e-12)
    return torch.einsum("ncv,ndv->cd", flat, flat).div(len(maps)).numpy()


# --------------------------------------------------------------------------------------------- channels


def reading_of(maps: Tensor, n_values: int | None) -> Tensor:
    """Maps with at most `n_values` values each, evenly picked; None keeps all."""
    flat = maps.flatten(2)
    if n_values is None or flat.shape[2] <= n_values:
        return maps
    places = torch.linspace(0, flat.shape[2] - 1, n_values).round().long()
    return flat[:, :, places]


def entropies_by_class(cube: Hypercube, settings: Settings, layer: int, epoch: float, n_values: int | None = None):
    """(classes and all inputs, channels): intra-sample entropies in bits; NaN for a class without an image."""
    sample = inputs_of(settings, settings.n_images)
    maps = cube.select(sample=sample, layer=layer, epoch=epoch).load()
    values, y = reading_of(torch.from_numpy(maps.to_numpy()[0]), n_values), maps["label"].to_numpy()
    rows, everywhere = [], np.zeros(values.shape[1])
    for number in range(len(cube.classes)):
        own = values[y == number]
        found = est.intra_sample_entropy(own, n_bins=settings.n_bins).numpy() if len(own) else everywhere + math.nan
        everywhere = everywhere + np.nan_to_num(found) * len(own) / len(y)  # a mean over images, as each class's is
        rows.append(found)
    return np.stack([*rows, everywhere])


@cache.cached(version=1, also=identities)
def channel_entropies(settings: Settings) -> pd.DataFrame:
    """F13, F14: the intra-sample entropy of every channel for every class and for all inputs, first seed."""
    found, cube = [], cube_of(settings)
    names = [*cube.classes, ALL]
    todo = list(itertools.product(CHANNEL_LAYERS, checkpoints(settings)))
    with bar(len(todo), "entropies of channels") as shown:
        for layer, epoch in todo:
            values = entropies_by_class(cube, settings, layer, epoch).astype(np.float32)
            number, channel = np.indices(values.shape)
            facts = {**shared_facts(settings, cube, epoch), "n_samples": settings.n_images}
            rows = pd.DataFrame({"layer": layer, "class": number.ravel().astype(np.int8),
                                 "channel": channel.ravel().astype(np.int16), "value": values.ravel()})  # fmt: skip
            found.append(rows.assign(class_name=[names[one] for one in number.ravel()], **facts))
            shown.update()
    return pd.concat(found, ignore_index=True)


@cache.cached(version=1, also=identities)
def class_entropies(settings: Settings) -> pd.DataFrame:
    """Intra-sample entropies averaged over channels, a row a seed, layer, epoch, class and reading.

    spread: standard deviation over the ten classes of a channel's entropies, averaged over channels (in the rows of
    all inputs). Readings: `literal`, and `equal values`, where all layers' maps are thinned to as many values as those
    of the last layer have: the entropy of 16 values cannot exceed 4 bits.
    """
    rows = []
    epochs = sorted({shown_epoch(settings, epoch) for epoch in (80, 120)})
    for member in range(settings.n_seeds):
        cube = cube_of(settings, member)
        n_values = math.prod(cube.shapes[cube.select(layer=CHANNEL_LAYERS[-1]).layer][1:])
        chosen = itertools.product(CHANNEL_LAYERS, epochs, (("literal", None), ("equal values", n_values)))
        for layer, epoch, (reading, limit) in chosen:
            values = entropies_by_class(cube, settings, layer, epoch, limit)
            n_shown = min(limit or math.inf, math.prod(cube.shapes[cube.select(layer=layer).layer][1:]))
            top = min(math.log2(settings.n_bins), math.log2(n_shown))
            for name, each in zip([*cube.classes, ALL], values, strict=True):
                rows.append({**shared_facts(settings, cube, epoch), "layer": layer, "reading": reading,
                             "class_name": name, "value": np.nanmean(each), "n_values": n_shown, "top": top,
                             "spread": np.nanstd(values[:-1], axis=0).mean() if name == ALL else math.nan,
                             "n_samples": settings.n_images})  # fmt: skip
    return pd.DataFrame(rows)


@cache.cached(version=1, also=identities)
def deconvolved(settings: Settings) -> pd.DataFrame:
    """How much of an image comes back through a channel of layer 3: a row a seed and channel.

    likeness: mean over images of |correlation| between the deconvolution and the image, both in grey. area: share of
    the image that takes part, (sum |v|)^2 / (n sum v^2). dead: never active on these images; such a channel gives
    nothing back and has likeness and area 0.
    """
    epoch, rows = shown_epoch(settings, 80), []
    sample = inputs_of(settings, settings.n_deconvolved)
    for member in range(settings.n_seeds):
        cube = cube_of(settings, member)
        part = cube.select(sample=sample, layer=LOOK_ALIKE_LAYER, epoch=epoch)
        entropy = est.intra_sample_entropy(torch.from_numpy(part.load().to_numpy()[0]), n_bins=settings.n_bins)
        module, x = cube.run.module(part.steps[0], member), cube.x[sample]
        for channel, value in enumerate(entropy.tolist()):
            back = deconvnet.deconvolve(module, x, part.layer, channel).mean(1).flatten(1).double()
            grey = x.mean(1).flatten(1).double()
            rows.append({**shared_facts(settings, cube, epoch), "channel": channel, "value": value,
                         "likeness": float(correlations(back, grey).abs().mean()), "area": float(area(back).mean()),
                         "dead": bool((back == 0).all()), "n_samples": len(sample)})  # fmt: skip
    return pd.DataFrame(rows)


def correlations(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of the rows of two tables, 0 where one is constant."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-12)


def area(values: Tensor) -> Tensor:
    """The share of a row's values that take part: 1 for equal magnitudes, 1/n for a single one, 0 for none."""
    squares = values.square().sum(1)
    return values.abs().sum(1).square() / (values.shape[1] * squares.clamp(min=1e-300)) * (squares > 0)


@cache.cached(version=3, also=identities)
def pictures(settings: Settings) -> pd.DataFrame:
    """F8, F9, F15: inputs, feature maps and deconvolutions of the first seed, as bytes; kind, row, column, side, map.

    F8: the pair with the highest capacity in the map of layers 3 and 4. F9: the two channels of layer 3 with the most
    similar patterns, and two others. F15: of the channels of layer 3 with more than 0.05 bit, those with the lowest and
    the highest entropy.
    """
    cube, rows = cube_of(settings), []
    chosen = inputs_of(settings, PICTURES)
    late, middle = shown_epoch(settings, 100), shown_epoch(settings, 80)
    module = cube.run.module(cube.select(epoch=middle).steps[0])

    def maps(layer: int, channel: int, epoch: int) -> np.ndarray:
        return cube.select(sample=chosen, layer=layer, channel=channel, epoch=epoch).load().to_numpy()[0, :, 0]

    def add(kind: str, row: str, epoch: int, images: np.ndarray) -> None:
        for column, image in enumerate(images):
            colour = image.ndim == 3 and image.shape[-1] == 3
            rows.append({**shared_facts(settings, cube, epoch), "kind": kind, "row": row, "column": column,
                         "side": image.shape[0], "channels": 3 if colour else 1, "map": as_bytes(image)})  # fmt: skip

    inputs = cube.x[chosen].movedim(1, -1).squeeze(-1).numpy()
    values = capacity_of(cube, settings, PAIRS[0], late, settings.n_bins)
    a, b = np.unravel_index(values.argmax(), values.shape)
    for kind, epoch in (("F8", late), ("F9", late), ("F15", middle)):
        add(kind, "input", epoch, inputs)
    add("F8", f"layer 3, channel {a}", late, maps(3, int(a), late))
    add("F8", f"layer 4, channel {b}", late, maps(4, int(b), late))
    for channel in like_and_unlike(pattern_correlations(values)):
        add("F9", f"channel {channel}", late, maps(LOOK_ALIKE_LAYER, channel, late))
    table = deconvolved(settings)
    own = table[table["seed"] == table["seed"].iloc[0]].sort_values("value")
    living = own[own["value"] > 0.05] if (own["value"] > 0.05).any() else own
    for one in (living.iloc[0], living.iloc[-1]):
        name = f"channel {one['channel']}\n{one['value']:.2f} bit"
        layer = cube.select(layer=LOOK_ALIKE_LAYER).layer
        back = deconvnet.deconvolve(module, cube.x[chosen], layer, int(one["channel"]))
        add("F15", f"{name}, map", middle, maps(LOOK_ALIKE_LAYER, int(one["channel"]), middle))
        add("F15", f"{name}, back", middle, back.movedim(1, -1).squeeze(-1).numpy())
    return pd.DataFrame(rows)


def like_and_unlike(patterns: np.ndarray) -> list[int]:
    """Two channels that are like neither of the most similar pair, and that pair, as F9 shows them."""
    n = len(patterns)
    filled = np.where(np.isfinite(patterns), patterns, -2.0)
    first, second = (int(one) for one in np.unravel_index(filled.argmax(), filled.shape))
    others = [channel for channel in np.argsort(np.nanmean(patterns, axis=1)) if channel not in (first, second)]
    return [*(int(one) for one in others[: min(2, n - 2)]), first, second]


def as_bytes(image: np.ndarray) -> bytes:
    """An image's values as bytes over its own range; a signed one with 0 at the middle, a constant one grey."""
    low, high = float(image.min()), float(image.max())
    if low < 0:
        high = max(-low, high)
        low = -high
    span = high - low
    return (((image - low) / span * 255).round() if span > 0 else np.full_like(image, 128)).astype(np.uint8).tobytes()


TABLES = {
    "architecture": architecture,
    "curves": curves,
    "input_entropies": input_entropies,
    "readings": readings,
    "labels": labels,
    "confusions": confusions,
    "capacity_maps": capacity_maps,
    "capacities": capacities,
    "alike_pairs": alike_pairs,
    "channel_entropies": channel_entropies,
    "class_entropies": class_entropies,
    "deconvolved": deconvolved,
    "pictures": pictures,
}
