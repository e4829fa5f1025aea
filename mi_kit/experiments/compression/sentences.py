"""What the page of notebook 05 says of a run's numbers: captions, tables to read, sentences that are computed."""

from __future__ import annotations

import pandas as pd
import torch

from ... import claims, data, models
from ... import estimators as est
from ...claims import HOLDS, words
from .. import Experiment
from . import observers
from .figures import ACTIVATION_NAMES, cell_name
from .rules import LEAST
from .settings import MINI, PAPER_L2, SHOWN, Case, dataset_of, network_of
from .tables import MECHANISM, of_cells

NAMES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)"}


def facts(experiment: Experiment, table: pd.DataFrame) -> str:
    """Data sets, seeds, epochs and samples of a table, for captions; published results need no data for it."""
    if "dataset" not in table:
        return f"Profile {experiment.profile}."
    parts = [_facts_of(experiment, rows) for _, rows in table.groupby(["part", "dataset"], sort=False)]
    return f"Data: {'; '.join(parts)}. Profile {experiment.profile}."


def _facts_of(experiment: Experiment, rows: pd.DataFrame) -> str:
    """`pokemon-common (10 seeds, 25,000 epochs, estimates on 528)`."""
    counts = []
    if "seed" in rows or "n_seeds" in rows:
        n_seeds = rows["seed"].nunique() if "seed" in rows else int(rows["n_seeds"].max())
        counts.append(f"{n_seeds} seed{'s' if n_seeds > 1 else ''}")
    epochs = rows["epochs"] if "epochs" in rows else rows.get("epoch")
    if epochs is not None:
        counts.append(f"{int(epochs.max()):,} epochs")
    if "n_samples" in rows:
        sizes = sorted(set(rows["n_samples"].astype(int)))
        counts.append(f"estimates on {' to '.join(f'{n:,}' for n in (sizes[0], sizes[-1])[: len(sizes)])}")
    name = told(experiment, rows["dataset"].iloc[0], rows["part"].iloc[0])
    return f"{name} ({', '.join(counts)})" if counts else name


def told(experiment: Experiment, name: str, part: str) -> str:
    """The data set's name, with the one that it stands in for."""
    asked = "12bit" if part == "12bit" else experiment.settings.sightings
    return f"{name}, standing in for {asked}" if name in data.EMBEDDED and name != asked else name


# --------------------------------------------------------------------------------------------- data and networks


def data_words(experiment: Experiment) -> str:
    """Classes, scaling and split of the data in use; from the data themselves."""
    if experiment.is_published:
        return "The data are not read here: published results are shown."
    lines = []
    for part in ("sightings", "12bit"):
        dataset = dataset_of(experiment.settings, part)
        counts = [
            ", ".join(f"{name} {n}" for name, n in zip(dataset.classes, _counts(y, dataset), strict=True))
            for y in (dataset.y_train, dataset.y_test)
        ]
        x = dataset.x_train
        lines.append(
            f"- **{told(experiment, dataset.name, part)}**: training {counts[0]}; test {counts[1]}. Classes are as "
            f"frequent as in the table, no class is drawn more often; the split keeps their shares (stratified, "
            f"{len(dataset.x_test) / (len(x) + len(dataset.x_test)):.0%} for testing). H(Y) = "
            f"{est.label_entropy(dataset.y_train):.3f} bit on the training samples, a constant answer is right in "
            f"{max(_counts(dataset.y_test, dataset)) / len(dataset.y_test):.0%} of the test samples. Features: mean "
            f"{_span(x.mean(0))}, standard deviation {_span(x.std(0))} on the training samples. {dataset.note}"
        )
    return "\n".join(lines)


def _counts(y: torch.Tensor, dataset) -> list[int]:
    return torch.bincount(y, minlength=len(dataset.classes)).tolist()


def _span(values: torch.Tensor) -> str:
    return f"{float(values.min()):.2f} to {float(values.max()):.2f}"


def equation_words(experiment: Experiment) -> str:
    """What the printed equation 2 gives beside the corrected one, for an untrained network; nothing without data, for
    `data_words` has said so."""
    if experiment.is_published:
        return ""
    settings = experiment.settings
    dataset = dataset_of(settings, "sightings")
    x, y = dataset.x_train[: settings.n_samples], dataset.y_train[: settings.n_samples]
    with torch.no_grad():
        t = models.build(network_of(settings, Case("sightings", "relu")), 0).layer1(x)
    right = float(est.kde_information(t, y, noise_variance=settings.noise_variance).i_xt)
    printed = printed_equation_2(t, settings.noise_variance)
    n = len(x)
    return (
        f"First layer of an untrained ReLU network, {n} samples of {dataset.name}: the corrected equation gives "
        f"{right:.3f} bit, the printed one {printed:.3f}, which is 2 log2 N - {right:.3f} with log2 N = "
        f"{torch.log2(torch.tensor(float(n))):.3f}: more than N samples can carry, and it would fall where the "
        "corrected one rises."
    )


def printed_equation_2(t: torch.Tensor, noise_variance: float) -> float:
    """Equation 2 as it stands in the paper, 1/N sum_i log2( N sum_j exp(-|h_i - h_j|^2 / 2 s^2) ); t: (n, d)."""
    kernels = torch.exp(-torch.cdist(t.double(), t.double()).square() / (2 * noise_variance))
    return float(torch.log2(len(t) * kernels.sum(1)).mean())


# --------------------------------------------------------------------------------------------- tables to read


def heat_table(experiment: Experiment):
    """Compression by the paper's estimator for every cell: mean and interval over seeds, and what noise gives."""
    cells = of_cells(experiment.table("compression"))
    cells, rows = cells[cells["estimator"] == observers.KERNEL], {}
    cells = cells.sort_values(["part", "method"], ascending=False, kind="stable")
    for (dataset, method, model, l2), one in cells.groupby(["dataset", "method", "model", "l2"], sort=False):
        row = {}
        for quantity, name in NAMES.items():
            of = one[one["quantity"] == quantity]
            row[name, "compression [bit]"] = words(of["compression"])
            row[name, "noise"] = f"{of['null'].mean():.2f}"
        rows[dataset, method, ACTIVATION_NAMES[model], f"{l2:g}"] = row
    index = pd.MultiIndex.from_tuples(rows, names=["data", "batch", "activation", "L2"])
    table = pd.DataFrame(list(rows.values()), index=index)
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table.style  # which shows every line


def position_table(experiment: Experiment, estimator: str = observers.KERNEL):
    """The three papers' sentences: in which cells each holds, fails or stays undecided, by one estimator."""
    table = experiment.table("positions")
    table = table[table["estimator"] == estimator]
    rows = []
    for (position, sentence), one in table.groupby(["position", "sentence"], sort=False):
        row = {"position": position, "sentence": sentence, "cells": len(one)}
        for verdict in ("holds", "fails", "undecided"):
            row[f"{verdict} in"] = _cells_in_words(one[one["verdict"] == verdict])
        rows.append(row)
    return claims.text_table(pd.DataFrame(rows))


def _cells_in_words(rows: pd.DataFrame) -> str:
    """`pokemon-common, mini-batch: tanh 0 0.001; ReLU 0`."""
    parts = []
    for (dataset, method), of in rows.groupby(["dataset", "method"], sort=False):
        each = [
            f"{ACTIVATION_NAMES[model]} {' '.join(f'{l2:g}' for l2 in one['l2'])}"
            for model, one in of.groupby("model", sort=False)
        ]
        parts.append(f"{dataset}, {method}: {'; '.join(each)}")
    return " | ".join(parts) or "none"


def position_counts(experiment: Experiment) -> pd.DataFrame:
    """In how many of the cells that it speaks of each sentence holds, by every estimator: holds/fails/undecided."""
    table = experiment.table("positions")
    rows = {}
    for (position, sentence), one in table.groupby(["position", "sentence"], sort=False):
        rows[position, sentence] = {
            estimator: "/".join(str(int((of["verdict"] == word).sum())) for word in ("holds", "fails", "undecided"))
            for estimator, of in one.groupby("estimator", sort=False)
        }
    index = pd.MultiIndex.from_tuples(rows, names=["position", "sentence"])
    return pd.DataFrame(list(rows.values()), index=index)


# --------------------------------------------------------------------------------------------- sentences


def cell_words(experiment: Experiment, model: str, l2: float) -> str:
    """What one of the paper's four cells shows, in mini-batches and with the full batch."""
    cells = of_cells(experiment.table("compression"))
    cells = cells[(cells["part"] == "sightings") & (cells["model"] == model) & (cells["l2"] == l2)]
    cells, lines = cells[cells["estimator"] == observers.KERNEL], []
    for method, one in cells.groupby("method", sort=False):
        told_of = []
        for quantity, name in NAMES.items():
            of = one[one["quantity"] == quantity]
            told_of.append(
                f"{name} goes from {of['start'].mean():.2f} to {of['peak'].mean():.2f} at most and ends at "
                f"{of['final'].mean():.2f} bit, a fall of {words(of['compression'])} where noise alone gives "
                f"{of['null'].mean():.2f}"
            )
        lines.append(f"- {method}: {'; '.join(told_of)}.")
    return f"{cell_name(model, l2)}, mean over the hidden layers:\n\n" + "\n".join(lines)


def heat_words(experiment: Experiment) -> str:
    """How many cells of the grid compress, by which estimators."""
    table, lines = experiment.table("cells"), []
    for quantity, name in NAMES.items():
        rows = table[table["quantity"] == quantity]
        each = [
            f"{estimator} {int((one['excess_low'] > LEAST).sum())}"
            for estimator, one in rows.groupby("estimator", sort=False)
        ]
        lines.append(f"- {name}, of {len(rows) // len(each)} cells: {', '.join(each)}.")
    return (
        "Cells whose compression lies above that of noise by more than 0.1 bit (95 % interval over seeds), by "
        "estimator:\n\n" + "\n".join(lines)
    )


def mechanism_words(experiment: Experiment, l2: float = PAPER_L2) -> str:
    """Whether there is a fall under this L2, and whether it outlives the estimates that do not see the scale of T."""
    cells, lines = of_cells(experiment.table("compression")), []
    chosen = (cells["part"] == "sightings") & (cells["method"] == MINI) & (cells["l2"] == l2)
    scale = experiment.table("scale")
    for model in SHOWN:
        of = scale[(scale["part"] == "sightings") & (scale["model"] == model) & (scale["l2"] == l2)]
        means = of.groupby("epoch")["deviation"].mean()
        falls = {}
        for estimator in MECHANISM:
            one = cells[chosen & (cells["model"] == model) & (cells["estimator"] == estimator)]
            falls[estimator] = [one[one["quantity"] == quantity]["excess"].mean() for quantity in ("i_ty", "i_xt")]
        told_of = [f"{estimator} {of_y:+z.2f} and {of_x:+z.2f}" for estimator, (of_y, of_x) in falls.items()]
        lines.append(
            f"- {cell_name(model, l2)}: a unit's standard deviation is {means.iloc[0]:.2f} untrained, "
            f"{means.max():.2f} at most and {means.iloc[-1]:.2f} at the end (the noise's is "
            f"{experiment.settings.noise_variance**0.5:.2f}). Falls of I(T;Y) and I(X;T) beyond noise, in bits: "
            f"{'; '.join(told_of)}. {_outlives(falls)}"
        )
    return "\n".join(lines)


def _outlives(falls: dict[str, list[float]]) -> str:
    """What the falls of I(T;Y) and I(X;T) by the fixed noise (first) and by the scale-free estimates amount to."""
    fixed, *others = falls.values()
    words = []
    for place, name in enumerate(("I(T;Y)", "I(X;T)")):
        survive = sum(fall[place] > LEAST for fall in others)
        among = f"{survive} of the {len(others)} that do not see the scale"
        if fixed[place] > LEAST:
            words.append(f"The fall of {name} is there in {among}")
        else:
            rest = f", but {among} fall by more" if survive else ": there is no fall to explain"
            words.append(f"With fixed noise {name} falls by no more than {LEAST} bit{rest}")
    return ". ".join(words) + "."


def learning_words(experiment: Experiment) -> str:
    """When the networks are as good as they get, and what comes after."""
    table, lines = experiment.table("learning"), []
    for (model, l2), one in table[table["method"] == MINI].groupby(["model", "l2"], sort=False):
        test = one[one["split"] == "test"].groupby("epoch")[["loss", "accuracy"]].mean()
        train = one[one["split"] == "train"].groupby("epoch")["loss"].mean()
        soon = test.iloc[abs(test.index - 100).argmin()]
        lines.append(
            f"- {cell_name(model, l2)}: test accuracy {soon['accuracy']:.3f} at epoch {soon.name:,.0f}, best "
            f"{test['accuracy'].max():.3f}, at the end {test['accuracy'].iloc[-1]:.3f}; test loss at best "
            f"{test['loss'].min():.2f} bit (epoch {test['loss'].idxmin():,.0f}), at the end "
            f"{test['loss'].iloc[-1]:.2f}; training loss at the end {train.iloc[-1]:.2f}."
        )
    start = table[table["step"] == 0].groupby("split")[["i_xt", "i_ty"]].mean()
    return (
        "Mini-batches, mean over seeds:\n\n" + "\n".join(lines) + "\n\nBefore any training, on as many samples, I(T;Y) "
        f"is {start['i_ty']['test']:.2f} bit on test and {start['i_ty']['train']:.2f} on training samples, I(X;T) "
        f"{start['i_xt']['test']:.2f} and {start['i_xt']['train']:.2f}. What differs there is samples and estimate, "
        "not what was learned: compare how the curves change."
    )


def position_words(experiment: Experiment) -> str:
    """Which sentence holds in the largest share of the cells that it speaks of, by the paper's estimator."""
    table = experiment.table("positions")
    table = table[table["estimator"] == observers.KERNEL]
    lines = []
    for (position, sentence), one in table.groupby(["position", "sentence"], sort=False):
        counts = one["verdict"].value_counts()
        lines.append(
            f"- {position}, *{sentence}*: holds in {counts.get(HOLDS, 0)}, fails in {counts.get('fails', 0)}, "
            f"undecided in {counts.get('undecided', 0)} of {len(one)} cells."
        )
    return "\n".join(lines)
