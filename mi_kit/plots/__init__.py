"""Figures from finished tables: every function takes a table and returns axes; nothing is computed here."""

from .architecture import plot_architecture
from .estimates import (
    ESTIMATOR_COLOURS,
    log_axis,
    mark_level,
    plot_bounds,
    plot_errors,
    plot_estimates,
    plot_truth,
)
from .kernels import (
    pictures_of,
    plot_boxes,
    plot_change,
    plot_class_means,
    plot_kernels_by_class,
    plot_mosaic,
    plot_verdicts,
)
from .planes import plane_legend, plot_information_plane, plot_saturation
from .style import (
    MUTED,
    NETWORK_COLOURS,
    NETWORK_NAMES,
    add_caption,
    layer_colours,
    picture_of,
    save_figure,
    save_picture,
    shades,
    source_hash,
    use_style,
)
from .training import plot_training_curves

__all__ = [
    "ESTIMATOR_COLOURS",
    "MUTED",
    "NETWORK_COLOURS",
    "NETWORK_NAMES",
    "add_caption",
    "layer_colours",
    "log_axis",
    "mark_level",
    "picture_of",
    "pictures_of",
    "plane_legend",
    "plot_architecture",
    "plot_bounds",
    "plot_boxes",
    "plot_change",
    "plot_class_means",
    "plot_errors",
    "plot_estimates",
    "plot_information_plane",
    "plot_kernels_by_class",
    "plot_mosaic",
    "plot_saturation",
    "plot_training_curves",
    "plot_truth",
    "plot_verdicts",
    "save_figure",
    "save_picture",
    "shades",
    "source_hash",
    "use_style",
]
