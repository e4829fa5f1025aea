"""Figures from finished tables: every function takes a table and returns axes; nothing is computed here."""

from .architecture import plot_architecture
from .planes import plane_legend, plot_information_plane, plot_saturation
from .style import (
    NETWORK_COLOURS,
    NETWORK_NAMES,
    add_caption,
    layer_colours,
    picture_of,
    save_figure,
    save_picture,
    source_hash,
    use_style,
)
from .training import plot_training_curves

__all__ = [
    "NETWORK_COLOURS",
    "NETWORK_NAMES",
    "add_caption",
    "layer_colours",
    "picture_of",
    "plane_legend",
    "plot_architecture",
    "plot_information_plane",
    "plot_saturation",
    "plot_training_curves",
    "save_figure",
    "save_picture",
    "source_hash",
    "use_style",
]
