"""Estimators of entropy and mutual information, all in bits: tensors in, tensors out.

Leading dimensions are batch (seeds, epochs, kernels), then n samples, then features; results have the batch shape.
"""

from .binning import BinnedInformation, binned_information
from .inputs import at_bound, label_entropy
from .kde import KdeBounds, KdeInformation, kde_information

__all__ = [
    "BinnedInformation",
    "KdeBounds",
    "KdeInformation",
    "at_bound",
    "binned_information",
    "kde_information",
    "label_entropy",
]
