"""Sliders: frames, links, thinning."""

import ipywidgets
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from conftest import Calls

from mi_kit import widgets

DRAWN = Calls()


def draw(epoch, layer="a"):
    DRAWN.append((epoch, layer))
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.set_title(f"{epoch} {layer}")
    return figure


@pytest.fixture(autouse=True)
def clean(home):
    DRAWN.clear()


def parts(box, kind):
    return [child for child in box.children if isinstance(child, kind)]


def test_two_axes_make_nested_stacks_with_one_frame_a_pair(home):
    box = widgets.explore(draw, epoch=[0, 10, 20], layer=["a", "b"])
    (outer,) = parts(box, ipywidgets.Stack)
    assert [len(inner.children) for inner in outer.children] == [3, 3]
    assert len(DRAWN) == 6
    assert outer.selected_index == 0
    assert all(inner.selected_index == 2 for inner in outer.children)  # the last epoch is shown first
    frames = {image.value for inner in outer.children for image in inner.children}
    assert len(frames) == 6
    assert all(bytes(frame).startswith(b"\x89PNG") for frame in frames)


def test_values_of_numpy_are_an_axis(home):
    steps = pd.DataFrame({"step": [20, 0, 10, 0], "name": ["b", "a", "a", "b"], "rate": [0.5, 0.1, 0.1, 0.5]})
    axes = {"iteration": sorted(steps["step"].unique()), "layer": steps["name"].to_numpy()[:2]}
    box = widgets.explore(lambda iteration, layer: draw(iteration, layer), **axes)
    expected = [(step, layer) for step in (0, 10, 20) for layer in "ba"]
    assert expected == DRAWN
    assert {type(step) for step, _ in DRAWN} == {int}
    slider = parts(box, ipywidgets.SelectionSlider)[0]
    assert [label for label, _ in slider.options] == ["0", "10", "20"]


def test_three_axes_nest_once_more_and_every_choice_shows_its_own_frame(home):
    def draw_three(epoch, layer, network):
        return draw(epoch, f"{layer} {network}")

    box = widgets.explore(draw_three, epoch=[0, 10], layer=["a", "b"], network=["m", "n", "o"])
    assert len(parts(box, ipywidgets.SelectionSlider)) == 3
    (outer,) = parts(box, ipywidgets.Stack)
    shown = {
        (network, layer, epoch): image.value
        for network, of_network in enumerate(outer.children)
        for layer, of_layer in enumerate(of_network.children)
        for epoch, image in enumerate(of_layer.children)
    }
    assert len(shown) == len(set(shown.values())) == 12
    alone = widgets.explore(lambda epoch: draw_three(epoch, "b", "o"), epoch=[10])
    assert shown[2, 1, 1] == parts(alone, ipywidgets.Stack)[0].children[0].value
    assert len(box.links) == 1 + 3 + 6


def test_every_stack_is_linked_in_the_browser(home):
    box = widgets.explore(draw, epoch=[0, 10], layer=["a", "b", "c"])
    targets = {link.target[0] for link in box.links}
    (outer,) = parts(box, ipywidgets.Stack)
    assert targets == {outer, *outer.children}
    assert all(link.source[1] == "index" and link.target[1] == "selected_index" for link in box.links)


def test_frames_come_from_the_cache_the_second_time(home):
    widgets.explore(draw, epoch=[0, 1])
    widgets.explore(draw, epoch=[0, 1])
    assert len(DRAWN) == 2
    widgets.explore(draw, data=pd.DataFrame({"x": [1]}), epoch=[0, 1])
    assert len(DRAWN) == 4


def test_axes_do_not_move_between_frames(home):
    def wide(epoch):
        figure, ax = plt.subplots(layout="constrained")
        ax.set_ylim(0, 10 ** (6 * epoch))  # longer tick labels push the axes
        places.append(ax)
        return figure

    places = []
    widgets.explore(wide, epoch=[0, 1])
    assert places[0].get_position().bounds == places[1].get_position().bounds


def test_many_moments_are_thinned_evenly_and_the_widget_says_so(home):
    box = widgets.explore(draw, max_frames=8, epoch=list(range(101)), layer=["a", "b"])
    assert [epoch for epoch, layer in DRAWN if layer == "a"] == [0, 33, 67, 100]
    (note,) = parts(box, ipywidgets.Label)
    assert note.value == "Shown: 4 of 101 values of epoch; all 2 of layer."


def test_layers_by_name_all_stay_and_time_is_thinned(home):
    """Of 5 moments and 7 layers 30 frames were asked for: C2 was lost."""
    layers = ["all", "C1", "P1", "C2", "P2", "F1", "F2"]
    box = widgets.explore(draw, max_frames=30, epoch=[0, 10, 30, 60, 100], layer=layers)
    assert list(dict.fromkeys(layer for _, layer in DRAWN)) == layers
    assert list(dict.fromkeys(epoch for epoch, _ in DRAWN)) == [0, 10, 60, 100]
    (note,) = parts(box, ipywidgets.Label)
    assert note.value == "Shown: 4 of 5 values of epoch; all 7 of layer."


def test_where_two_moments_are_too_many_names_stay_and_other_numbers_are_thinned(home):
    def draw_three(layer, noise, epoch):
        return draw(epoch, f"{layer} {noise}")

    box = widgets.explore(draw_three, max_frames=12, layer=list("abcde"), noise=[1, 2, 3, 4], epoch=[0, 5, 9])
    assert sorted(DRAWN) == [(e, f"{layer} {v}") for e in (0, 9) for layer in "abcde" for v in (1, 4)]
    (note,) = parts(box, ipywidgets.Label)
    assert note.value == "Shown: 2 of 4 values of noise; 2 of 3 values of epoch; all 5 of layer."


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({}, "axes must be one to three"),
        ({"epoch": []}, "none of them empty"),
        ({"epoch": [1], "layer": ["a"], "network": ["n"], "seed": [0]}, "axes must be one to three"),
        ({"max_frames": 1, "epoch": [1]}, "max_frames"),
    ],
)
def test_bad_axes_are_refused(home, axes, words):
    with pytest.raises(ValueError, match=words):
        widgets.explore(draw, **axes)


def test_too_many_bytes_are_refused(home, monkeypatch):
    monkeypatch.setattr(widgets, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="frames must take at most 100 bytes"):
        widgets.explore(draw, epoch=[0])
