"""Estimators of entropy and mutual information, all in bits: tensors in, tensors out.

Leading dimensions are batch (seeds, epochs, kernels), then n samples, then features; results have the batch shape.
"""

from .binning import BinnedInformation, ClassInformation, binned_class_information, binned_information
from .distances import (
    LabelEntropies,
    channel_capacity,
    distance_entropy,
    inter_sample_entropy,
    intra_sample_entropy,
    label_entropies,
)
from .exact import ExactInformation, discrete_information, exact_information, mixture_information, quantise
from .inputs import at_bound, is_constant, label_entropy, total_variance
from .kde import KdeBounds, KdeInformation, kde_information
from .neighbours import kozachenko_leonenko_entropy, ksg_mutual_information
from .renyi import (
    RenyiChain,
    RenyiEstimate,
    renyi_chain,
    renyi_entropy,
    renyi_joint_entropy,
    renyi_mutual_information,
    silverman_bandwidth,
    stochastic_renyi_entropy,
)

# Raised whenever an estimator, or `mi_kit.phases`, gives another number: it is part of every name in the cache.
# tests/golden_numbers.py holds the numbers of this version.
VERSION = 2

__all__ = [
    "VERSION",
    "BinnedInformation",
    "ClassInformation",
    "ExactInformation",
    "KdeBounds",
    "KdeInformation",
    "LabelEntropies",
    "RenyiChain",
    "RenyiEstimate",
    "at_bound",
    "binned_class_information",
    "binned_information",
    "channel_capacity",
    "discrete_information",
    "distance_entropy",
    "exact_information",
    "inter_sample_entropy",
    "intra_sample_entropy",
    "is_constant",
    "kde_information",
    "kozachenko_leonenko_entropy",
    "ksg_mutual_information",
    "label_entropies",
    "label_entropy",
    "mixture_information",
    "quantise",
    "renyi_chain",
    "renyi_entropy",
    "renyi_joint_entropy",
    "renyi_mutual_information",
    "silverman_bandwidth",
    "stochastic_renyi_entropy",
    "total_variance",
]
