"""One look for every figure: fonts, colours that keep their meaning, and saving with provenance."""

from __future__ import annotations

import functools
import io
import json
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .. import paths

DPI = 130
MAX_BYTES = 300_000
TINT, TINTED_SHARE = 12, 0.005  # of 255 levels, and of the pixels: beyond it greys look coloured
GREYS = np.linspace(0, 255, 35).round().astype(int)  # of 256 colours; black and white among them
MUTED = "0.45"  # reference lines and what is not in focus

# Okabe and Ito's colours tell eight things apart for every common kind of colour vision
_OKABE_ITO = {
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "black": "#000000",
}
_LAYERS = ("blue", "sky", "green", "orange", "vermilion", "purple")
NETWORK_COLOURS = {
    "relu_mlp": _OKABE_ITO["orange"],
    "lenet": _OKABE_ITO["blue"],
    "lenet_stride2": _OKABE_ITO["sky"],
    "densenet": _OKABE_ITO["green"],
    "tanh_12": _OKABE_ITO["purple"],
    "relu_mnist_narrow": _OKABE_ITO["vermilion"],
}
NETWORK_NAMES = {
    "relu_mlp": "ReLU-MLP",
    "lenet": "LeNet",
    "lenet_stride2": "LeNet, stride 2",
    "densenet": "DenseNet",
    "tanh_12": "tanh 12-10-7-5-4-3-2",
    "relu_mnist_narrow": "ReLU 784-1024-20-20-20-10",
}


def use_style() -> None:
    """Set the look of this session's figures."""
    sns.set_theme(style="ticks", context="notebook", font_scale=1.05)
    plt.rcParams.update(
        {
            "figure.dpi": 90,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 13,
            "axes.titleweight": "bold",
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
        }
    )


def layer_colours(layers: list[str]) -> dict[str, str]:
    """The first layer is blue, the second sky, ...; the output is black: the same in every notebook."""
    hidden = [layer for layer in layers if layer != "output"]
    if len(hidden) > len(_LAYERS):
        colours = dict(zip(hidden, sns.color_palette("viridis", len(hidden)).as_hex(), strict=True))
    else:
        colours = {layer: _OKABE_ITO[name] for layer, name in zip(hidden, _LAYERS, strict=False)}
    return colours | {"output": _OKABE_ITO["black"]}


def shades(n: int) -> list[str]:
    """n colours from dark to light for values in an order, such as numbers of samples."""
    return sns.color_palette("viridis", n + 1).as_hex()[:n]


def add_caption(figure: Figure, caption: str) -> None:
    """The data set, samples and seeds, in small type below the figure, broken into lines that fit."""
    wrapped = textwrap.fill(caption, int(13 * figure.get_figwidth()))  # letters of 9 points to an inch, at least
    figure.supxlabel(wrapped, fontsize=9, color=MUTED, x=0.01, ha="left")


def save_figure(
    figure: Figure, folder: Path, name: str, *, table: pd.DataFrame, caption: str, facts: dict | None = None
) -> Path:
    """Write `name`.png with its caption and provenance inside, and the numbers that it shows as `name`.csv.

    facts: parameters, data set, commit: kept as JSON in the image's text. Returns the path of the image.
    Raises ValueError for a figure of more than 300 KB.
    """
    return save_picture(picture_of(figure, name, caption, facts), folder, name, table=table)


def picture_of(figure: Figure, name: str, caption: str, facts: dict | None = None) -> bytes:
    """The PNG of a figure with title, caption and facts as its text; ValueError above 300 KB."""
    comment = json.dumps(facts or {}, default=str)
    about = {"Title": name, "Description": caption, "Comment": comment, "Software": "mi_kit"}
    picture = png_bytes(figure, DPI, about, careful=True)
    if len(picture) > MAX_BYTES:
        raise ValueError(f"figure must take at most {MAX_BYTES:,} bytes as PNG; {name} takes {len(picture):,}.")
    return picture


def save_picture(picture: bytes, folder: Path, name: str, *, table: pd.DataFrame) -> Path:
    """Write a rendered figure and its numbers as `name`.png and `name`.csv; returns the path of the image."""
    path = Path(folder) / f"{name}.png"
    paths.write_whole(path, lambda part: part.write_bytes(picture))
    paths.write_whole(path.with_suffix(".csv"), lambda part: table.to_csv(part, index=False, float_format="%.7g"))
    return path


def png_bytes(figure: Figure, dpi: int, about: dict[str, str] | None = None, *, careful: bool = False) -> bytes:
    """A figure as a PNG of 256 colours, a third of the size of full colour, with `about` as its text.

    One with photographs (images of three channels) keeps all its colours. careful: choose the colours of a tinted one
    better, which takes seconds.
    """
    canvas, small, text = FigureCanvasAgg(figure), io.BytesIO(), PngInfo()
    figure.set_dpi(dpi)
    if (layout := figure.get_layout_engine()) and any(ax.get_aspect() != "auto" for ax in figure.axes):
        layout.execute(figure)  # pictures move when they keep their shape, and their labels with them: a second pass
    canvas.draw()  # savefig would draw twice, and encode and decode a picture in full colour
    for key, value in (about or {}).items():
        text.add_itxt(key, value)
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    photographs = any(shown.get_array().ndim == 3 for ax in figure.axes for shown in ax.images)
    image = Image.fromarray(pixels) if photographs else _of_256_colours(pixels, careful)
    image.save(small, format="png", pnginfo=text)
    return small.getvalue()


def _of_256_colours(pixels: np.ndarray, careful: bool) -> Image.Image:
    """What is grey takes the nearest of `GREYS`, for one palette chosen for all would tint it; the rest is chosen for
    the pixels with a colour."""
    grey = (pixels == pixels[..., :1]).all(-1)
    palette, places = np.repeat(GREYS, 3).tolist(), np.rint(pixels[..., 0] * ((len(GREYS) - 1) / 255)).astype(np.uint8)
    if not grey.all():
        coloured = Image.fromarray(pixels[~grey][None])
        n_colours = 256 - len(GREYS)
        choose = functools.partial(
            coloured.quantize, n_colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        chosen = choose()
        if careful and _n_tinted(coloured, chosen) > TINTED_SHARE * grey.size:
            chosen = choose(kmeans=2)
        palette += chosen.getpalette()
        places[~grey] = len(GREYS) + np.asarray(chosen)[0]
    image = Image.fromarray(places)
    image.putpalette(palette)
    return image


def _n_tinted(image: Image.Image, fewer: Image.Image) -> int:
    """How many pixels fewer colours change by more than the eye forgives."""
    away = np.abs(np.asarray(image, dtype=np.int16) - np.asarray(fewer.convert("RGB"), dtype=np.int16)).max(-1)
    return int((away > TINT).sum())


@functools.cache
def source_hash() -> str:
    """Changes when any drawing function here does: pictures in the cache carry it."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return paths.short_hash([file.read_text(encoding="utf-8") for file in files])
