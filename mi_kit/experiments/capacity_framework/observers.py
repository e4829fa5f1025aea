"""What is estimated while the networks of notebook 03 train: their path, each class's, and that of single layers."""

from __future__ import annotations

import math

import pandas as pd
import torch
from torch import Tensor

from ... import estimators as est
from ... import phases, probes, training

LAYER_BINS = 30  # of a tanh unit between -1 and 1, as Shwartz-Ziv and Tishby have it
CORRECTED = "corrected"  # Miller and Madow's correction of the first number of bins
KERNEL = "kernel"  # upper bound by pairwise kernels


def observe_path(
    moment: training.Moment, *, n_samples: int, bins: tuple, kde_variance: float, kde_samples: int
) -> list[dict]:
    """I(X;T) and I(T;Y) of the softmax output, on training and on validation images, by several estimators.

    One row a member, split and estimator (`binned 10`, ..., `corrected`, `kernel`), in bits, with loss and accuracy.
    """
    rows, dataset = [], moment.dataset
    for split, x, y in (
        ("train", dataset.x_train[:n_samples], dataset.y_train[:n_samples]),
        ("validation", dataset.x_test, dataset.y_test),
    ):
        logits = moment.activations([""], x)[""]
        loss, accuracy = probes.evaluate(logits, y.to(logits.device))
        t = phases.softmax(logits)
        for estimator, found in estimates(t, y.to(t.device), bins, kde_variance, kde_samples).items():
            n = min(kde_samples, len(x)) if estimator == KERNEL else len(x)
            rows += [
                {"member": k, "split": split, "estimator": estimator, "i_xt": float(found.i_xt[k]),
                 "i_ty": float(found.i_ty[k]), "loss": float(loss[k]), "accuracy": float(accuracy[k]),
                 "n_samples": n, "log2_n": math.log2(n), "entropy_y": est.label_entropy(y[:n])}
                for k in range(len(t))
            ]  # fmt: skip
    return rows


def estimates(t: Tensor, y: Tensor, bins: tuple, kde_variance: float, kde_samples: int) -> dict:
    """{estimator: .i_xt, .i_ty} of softmax outputs t (..., n, classes)."""
    found = {f"binned {n}": est.binned_information(t, y, n_bins=n, range=(0, 1)) for n in bins}
    found[CORRECTED] = est.binned_information(t, y, n_bins=bins[0], range=(0, 1), correction="miller_madow")
    some = t[..., :kde_samples, :]
    found[KERNEL] = est.kde_information(some, y[:kde_samples], noise_variance=kde_variance, bound="upper")
    return found


def observe_classes(moment: training.Moment, *, n_bins: int) -> list[dict]:
    """Each class against the rest with H(Y) = 1 on the validation images, in bits, and its recall; a row a class."""
    y = moment.dataset.y_test
    logits = moment.activations([""], moment.dataset.x_test)[""]
    t, n_classes = phases.softmax(logits), logits.shape[-1]
    y = y.to(t.device)
    found = est.binned_class_information(t, y, n_classes=n_classes, n_bins=n_bins, range=(0, 1))
    counts = torch.bincount(y, minlength=n_classes)
    right = torch.stack([torch.bincount(y[hits], minlength=n_classes) for hits in logits.argmax(-1) == y])
    recall = right / counts
    return [
        {"member": k, "class": c, "i_xt": float(found.i_xt[k, c]), "i_ty": float(found.i_ty[k, c]),
         "recall": float(recall[k, c]), "n_samples": len(y), "n_class": int(counts[c]),
         "h_x": entropy_of_samples(int(counts[c]), len(y))}
        for k in range(len(t)) for c in range(n_classes)
    ]  # fmt: skip


def entropy_of_samples(n_class: int, n: int) -> float:
    """H(X) of samples of which a class's share one half of the weight, and all others the other half."""
    if not 0 < n_class < n:
        return math.nan
    return 1 + (math.log2(n_class) + math.log2(n - n_class)) / 2


def observe_layers(moment: training.Moment) -> list[dict]:
    """Every layer of a tanh network on all patterns, 30 bins a unit from -1 to 1; of the output the softmax."""
    dataset = moment.dataset
    x = torch.cat([dataset.x_train, dataset.x_test])
    y = torch.cat([dataset.y_train, dataset.y_test])
    rows = []
    for layer, t in moment.activations(moment.blocks, x).items():
        output = layer == moment.blocks[-1]
        t = phases.softmax(t) if output else t.flatten(2)
        found = est.binned_information(t, y.to(t.device), n_bins=LAYER_BINS, range=(0, 1) if output else (-1, 1))
        rows += [
            {"member": k, "layer": layer, "i_xt": float(found.i_xt[k]), "i_ty": float(found.i_ty[k]),
             "n_samples": len(x), "log2_n": math.log2(len(x)), "entropy_y": est.label_entropy(y)}
            for k in range(len(t))
        ]  # fmt: skip
    return rows


def observe_spread(moment: training.Moment) -> pd.DataFrame:
    """How far the logits of validation images lie apart (standard deviation), and accuracy; a row a member."""
    logits = moment.activations([""], moment.dataset.x_test)[""]
    _, accuracy = probes.evaluate(logits, moment.dataset.y_test.to(logits.device))
    rows = {"member": range(len(logits)), "spread": logits.std(1).mean(-1).tolist(), "accuracy": accuracy.tolist()}
    return pd.DataFrame(rows).assign(n_samples=logits.shape[1])
