"""Circles in circles: classes with the area of their total entropy, in them channels with the area of theirs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

NOTHING = 1e-4  # bit: what rounding leaves of an entropy of 0


def pack(radii: np.ndarray) -> tuple[np.ndarray, float]:
    """Circles side by side without overlap: their centres (n, 2), and the radius of a circle around all, at (0, 0).

    A circle of radius 0 has no place: its centre is NaN.

    Largest first, each outside the front (the ring of circles around what is placed), where the front is nearest to the
    middle; circles of the front that would be cut off leave it. 128 circles take about 30 ms (circlify: 1 s).

    Source: Wang, Wang, Dai and Wang (2006), Visualization of large hierarchical data by circle packing.
    """
    order = np.argsort(-radii, kind="stable")[: np.count_nonzero(radii)]
    centres = np.full((len(radii), 2), np.nan)
    if not len(order):
        return centres, 0.0
    r, at = radii[order], np.zeros((len(order), 2))
    front = [0, 1]  # counter-clockwise
    if len(r) > 1:
        at[1] = (r[0] + r[1], 0)
    for new in range(2, len(r)):
        front = _nearest_first(at, r, front)
        while True:
            at[new] = _beside(at[front[:2]], r[front[:2]], r[new])
            others = np.array(front[2:], dtype=int)
            apart = np.linalg.norm(at[others] - at[new], axis=1) - r[others] - r[new]
            hit = np.flatnonzero(apart < -1e-9 * r[0]) + 2
            if not len(hit):
                break
            if hit[0] - 1 <= len(front) - hit[-1]:  # nearer going forward: what lies between leaves the front
                front = [front[0], *front[hit[0] :]]
            else:
                front = [front[hit[-1]], *front[1 : hit[-1]]]
        front.insert(1, new)
    centre, radius = _around(at, r)
    centres[order] = at - centre
    return centres, radius


def _nearest_first(at: np.ndarray, r: np.ndarray, front: list[int]) -> list[int]:
    """The front, beginning with the pair that touches nearest to the middle of all so far."""
    a, b = np.array(front), np.roll(front, -1)
    touching = (at[a] * r[b, None] + at[b] * r[a, None]) / (r[a] + r[b])[:, None]
    first = int(np.linalg.norm(touching - at[0], axis=1).argmin())
    return front[first:] + front[:first]


def _beside(pair: np.ndarray, r: np.ndarray, radius: float) -> np.ndarray:
    """Where a circle touches two others, to the right of the way from the first to the second."""
    way = pair[1] - pair[0]
    length = np.linalg.norm(way)
    near, far = r[0] + radius, r[1] + radius
    along = (near**2 - far**2 + length**2) / (2 * length)
    across = math.sqrt(max(near**2 - along**2, 0))
    return pair[0] + (along * way + across * np.array([way[1], -way[0]])) / length


def _around(at: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius of a small circle around all: towards what sticks out farthest, in ever smaller steps."""
    centre = at.mean(0)
    for turn in range(2, 300):
        farthest = int((np.linalg.norm(at - centre, axis=1) + r).argmax())
        centre = centre + (at[farthest] - centre) / turn if len(at) > 1 else at[0]
    return centre, float((np.linalg.norm(at - centre, axis=1) + r).max())


def pack_classes(entropies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Circles of classes (k, 3) and of channels in them (k, channels, 3), each as x, y, radius; the whole has radius 1.

    entropies: (k, channels). A channel's area is its entropy, a class's area the total of its channels, each on one
    scale in all classes. What has no entropy has no circle: radius 0, and NaN for its place.
    """
    values = np.nan_to_num(entropies.astype(float))
    radii = np.sqrt(np.where(values > NOTHING, values, 0))
    inner = [pack(row) for row in radii]
    totals = np.linalg.norm(radii, axis=1)
    needed = max((around / total for (_, around), total in zip(inner, totals, strict=True) if total), default=0)
    outer = 1.06 * needed * totals  # the loosest packing sets the scale, so that all classes hold their channels
    centres, whole = pack(1.03 * outer)
    channels = [np.column_stack([at + c, row]) for (at, _), c, row in zip(inner, centres, radii, strict=True)]
    return np.column_stack([centres, outer]) / (whole or 1), np.stack(channels) / (whole or 1)


def pack_table(table: pd.DataFrame) -> pd.DataFrame:
    """`pack_classes` of a table with the columns class_name, channel, value: class_name, channel, x, y, radius.

    The circle of a class itself has channel -1.
    """
    wide = table.pivot_table(index="class_name", columns="channel", values="value", sort=False, dropna=False)
    classes, channels = pack_classes(wide.to_numpy())
    parts = []
    for name, whole, inside in zip(wide.index, classes, channels, strict=True):
        places = np.vstack([whole, inside])
        rows = pd.DataFrame(places, columns=["x", "y", "radius"])
        parts.append(rows.assign(class_name=name, channel=[-1, *wide.columns]))
    return pd.concat(parts, ignore_index=True)
