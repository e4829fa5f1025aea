"""What is counted while the networks of notebook 04 train."""

from __future__ import annotations

import torch

from ... import training


def observe_confusion(moment: training.Moment) -> list[dict]:
    """The confusion matrix on the test images: a row a member and pair of classes that occurs (true, predicted)."""
    y, n_classes = moment.dataset.y_test.cpu(), len(moment.dataset.classes)
    predicted = moment.activations([""], moment.dataset.x_test)[""].argmax(-1).cpu()
    rows = []
    for member, answers in enumerate(predicted):
        counts = torch.bincount(y * n_classes + answers, minlength=n_classes**2)
        rows += [
            {"member": member, "true": place // n_classes, "predicted": place % n_classes, "count": int(counts[place])}
            for place in counts.nonzero()[:, 0].tolist()
        ]
    return rows
