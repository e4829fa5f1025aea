"""The claims of notebook 01, each with the rule that decides it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import plots
from ...claims import FAILS, HOLDS, UNDECIDED, Claim, Judgement, Needs, interval, words
from .settings import IMAGE_NETWORKS, class_names, first_fifth

PAPER_ACCURACY = {"relu_mlp": 0.9693, "lenet": 0.9922, "densenet": 0.9923}


def accuracies(tables, part: str = "main") -> pd.DataFrame:
    """The last test accuracies of one part's networks."""
    table = tables["training_curves"]
    return _last(table[(table["quantity"] == "test_accuracy") & (table["part"] == part)])


def _last(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["step"] == table.groupby("model")["step"].transform("max")]


def _per_seed(rows: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """(seeds, models), for differences within a seed."""
    return rows.pivot_table(index="seed", columns="model", values=column)


def judge_accuracy(rows: pd.DataFrame) -> Judgement:
    """Holds if the mean accuracy of every network lies within 0.5 percentage points of the paper's; fails if the
    whole 95 % interval of some network lies outside; undecided otherwise."""
    values = {model: 100 * one["value"].to_numpy() for model, one in rows.groupby("model", sort=False)}
    measured = "; ".join(
        f"{plots.NETWORK_NAMES[model]} {words(each, limits=(0, 100))} %" for model, each in values.items()
    )
    differences = [(interval(each), 100 * PAPER_ACCURACY[model]) for model, each in values.items()]
    if all(abs(found[0] - paper) <= 0.5 for found, paper in differences):
        return Judgement(HOLDS, measured)
    outside = any(found[1] > paper + 0.5 or found[2] < paper - 0.5 for found, paper in differences)
    return Judgement(FAILS if outside else UNDECIDED, measured)


def judge_separation(rows: pd.DataFrame) -> Judgement:
    """Within a seed, the spread between the networks (largest minus smallest) of last-layer I(T;Y) / H(Y), minus the
    spread of accuracy. Holds if the 95 % interval over seeds lies above 0; fails if it lies below; else undecided."""
    information = _per_seed(rows.assign(share=rows["i_ty"] / rows["entropy_y"]), "share")
    accuracy = _per_seed(rows, "accuracy")
    of_information = information.max(axis=1) - information.min(axis=1)
    of_accuracy = accuracy.max(axis=1) - accuracy.min(axis=1)
    measured = f"spread of I(T;Y)/H(Y) {words(of_information, digits=3)}, of accuracy {words(of_accuracy, digits=3)}"
    return Judgement(_sign(of_information - of_accuracy), measured)


def _sign(differences) -> str:
    _, low, high = interval(differences)
    return HOLDS if low > 0 else FAILS if high < 0 else UNDECIDED


def judge_order(rows: pd.DataFrame) -> Judgement:
    """Within a seed, last-layer I(T;Y) of DenseNet minus LeNet and of DenseNet minus ReLU-MLP at the last iteration.
    Holds if both 95 % intervals lie above 0; fails if one lies below; else undecided."""
    information = _per_seed(rows, "i_ty")
    names = [plots.NETWORK_NAMES[model] for model in IMAGE_NETWORKS]
    measured = "; ".join(
        f"{name} {words(information[model])} bit" for name, model in zip(names, IMAGE_NETWORKS, strict=True)
    )
    signs = [
        _sign(information["densenet"] - information["lenet"]),
        _sign(information["densenet"] - information["relu_mlp"]),
    ]
    return Judgement(_all_of(signs), measured)


def _all_of(verdicts: list[str]) -> str:
    if FAILS in verdicts:
        return FAILS
    return HOLDS if set(verdicts) == {HOLDS} else UNDECIDED


def judge_not_converged(rows: pd.DataFrame) -> Judgement:
    """The rise of I(T;Y), averaged over layers, from the first fifth of the iterations (10,000 of 50,000) to the last.
    Holds if the 95 % interval of every network lies above 0.02 bit; fails if that of one lies below; else undecided."""
    verdicts, measured = [], []
    for model, one in rows.groupby("model", sort=False):
        last = one["step"].max()
        mean = one.pivot_table(index="seed", columns="step", values="i_ty")
        rise = mean[last] - mean[first_fifth(last)]
        verdicts.append(_sign(rise - 0.02))
        measured.append(f"{plots.NETWORK_NAMES[model]} {words(rise, digits=3)} bit")
    return Judgement(_all_of(verdicts), "rise of I(T;Y): " + "; ".join(measured))


def judge_two_phases(rows: pd.DataFrame) -> Judgement:
    """Per hidden layer and seed: rise = largest I(X;T) minus the first, compression = largest minus the last, fall =
    largest I(T;Y) minus the last. Holds if in some layer the 95 % intervals of rise and compression both lie above
    0.1 bit and in every layer the mean fall is under 0.05 bit; fails if the interval of compression reaches 0.1 bit in
    no layer, or that of the fall lies above 0.05 bit in some layer; else undecided."""
    layers = []
    for layer, one in rows.groupby("layer", sort=False):
        of_x, of_y = (one.pivot_table(index="step", columns="seed", values=value) for value in ("i_xt", "i_ty"))
        layers.append(
            {"layer": layer, "rise": of_x.max() - of_x.iloc[0], "compression": of_x.max() - of_x.iloc[-1],
             "fall": of_y.max() - of_y.iloc[-1]}
        )  # fmt: skip
    most = max(layers, key=lambda each: each["compression"].mean())
    drop = max(layers, key=lambda each: each["fall"].mean())
    measured = (
        f"most compression in {most['layer']}: {words(most['compression'])} bit after a rise of "
        f"{words(most['rise'])}; largest fall of I(T;Y) in {drop['layer']}: {words(drop['fall'])}"
    )
    two_phases = any(interval(e["rise"])[1] > 0.1 and interval(e["compression"])[1] > 0.1 for e in layers)
    keeps = all(e["fall"].mean() < 0.05 for e in layers)
    none = all(interval(e["compression"])[2] < 0.1 for e in layers)
    falls = any(interval(e["fall"])[1] > 0.05 for e in layers)
    verdict = HOLDS if two_phases and keeps else FAILS if none or falls else UNDECIDED
    return Judgement(verdict, measured)


# --------------------------------------------------------------------------------------------- kernels


def _kernel_means(rows: pd.DataFrame, how: str = "mean") -> pd.DataFrame:
    """(steps, seeds) mean or median over the kernels of one block of one network."""
    return rows.pivot_table(index="step", columns="seed", values="i_ty", aggfunc=how)


def judge_early_rise(rows: pd.DataFrame) -> Judgement:
    """Mean I(T;Y) of LeNet's block-1 kernels, its rise in the first fifth of the iterations and its rise after. Holds
    if the 95 % intervals over seeds of the first minus 0.02 bit and of the first minus the second both lie above 0;
    fails if one lies below 0; else undecided."""
    mean = _kernel_means(rows)
    fifth = mean.loc[first_fifth(mean.index[-1])]
    early, late = fifth - mean.iloc[0], mean.iloc[-1] - fifth
    measured = f"rise {words(early, digits=3)} bit in the first fifth, {words(late, digits=3)} bit after it"
    return Judgement(_all_of([_sign(early - 0.02), _sign(early - late)]), measured)


def _both_networks(rows: pd.DataFrame, of_block) -> dict:
    """{network: series over seeds}."""
    return {model: of_block(one) for model, one in rows.groupby("model", sort=False)}


def judge_above_densenet(rows: pd.DataFrame) -> Judgement:
    """Median I(T;Y) of the block-1 kernels, averaged over the moments from the first fifth of the iterations on, LeNet
    minus DenseNet within a seed. Holds if its 95 % interval lies above 0; fails if it lies below; else undecided."""
    late = first_fifth(rows["step"].max())
    found = _both_networks(rows, lambda one: _kernel_means(one, "median").loc[late:].mean())
    measured = f"LeNet {words(found['lenet'])} bit, DenseNet {words(found['densenet'])} bit"
    return Judgement(_sign(found["lenet"] - found["densenet"]), measured)


def judge_steadier(rows: pd.DataFrame) -> Judgement:
    """Root mean square of the change per iteration of the block-1 kernels' mean I(T;Y), between iteration 0, the first
    fifth and every moment after it; DenseNet minus LeNet within a seed. Holds if its 95 % interval lies below 0; fails
    if it lies above; else undecided."""
    late = first_fifth(rows["step"].max())

    def roughness(one: pd.DataFrame) -> pd.Series:
        mean = _kernel_means(one)
        mean = mean[(mean.index == 0) | (mean.index >= late)]
        slopes = mean.diff().iloc[1:].div(np.diff(mean.index), axis=0)
        return 1000 * slopes.pow(2).mean().pow(0.5)

    found = _both_networks(rows, roughness)
    measured = (
        f"change per 1,000 iterations: LeNet {words(found['lenet'], digits=3)} bit, "
        f"DenseNet {words(found['densenet'], digits=3)} bit"
    )
    return Judgement(_sign(found["lenet"] - found["densenet"]), measured)


def judge_late_fall(rows: pd.DataFrame) -> Judgement:
    """Median I(T;Y) of LeNet's block-2 kernels at two fifths of the iterations (20,000 of 50,000) minus the last. Holds
    if its 95 % interval lies above 0.02 bit; fails if it lies below; else undecided."""
    median = _kernel_means(rows, "median")
    fall = median.loc[2 * first_fifth(median.index[-1])] - median.iloc[-1]
    return Judgement(_sign(fall - 0.02), f"fall {words(fall, digits=3)} bit, to {words(median.iloc[-1])} bit")


def judge_dense_rise(rows: pd.DataFrame) -> Judgement:
    """Median I(T;Y) of the kernels of DenseNet's dense block 1 at the last iteration minus iteration 0. Holds if its
    95 % interval lies above 0.1 bit; fails if it lies below; else undecided."""
    median = _kernel_means(rows, "median")
    rise = median.iloc[-1] - median.iloc[0]
    return Judgement(_sign(rise - 0.1), f"from {words(median.iloc[0])} to {words(median.iloc[-1])} bit")


def judge_same_for_all_classes(rows: pd.DataFrame) -> Judgement:
    """Mean Spearman correlation, over pairs of classes, of the order of LeNet's block-1 kernels at the last iteration.
    Holds if its 95 % interval lies above 0.5; fails if it lies below; else undecided."""
    found = rows.set_index("seed")["between_classes"]
    return Judgement(_sign(found - 0.5), f"Spearman {words(found, limits=(-1, 1))}")


def judge_keep_order(rows: pd.DataFrame) -> Judgement:
    """Mean Spearman correlation, over classes, of the order of LeNet's block-1 kernels at the last iteration with that
    at iteration 0. Holds if its 95 % interval lies above 0.5; fails if it lies below; else undecided."""
    found = rows.set_index("seed")["with_start"]
    return Judgement(_sign(found - 0.5), f"Spearman {words(found, limits=(-1, 1))}")


def judge_specialise(rows: pd.DataFrame) -> Judgement:
    """Spearman correlation between classes at the last iteration: LeNet's block 1 minus each of LeNet's block 2 and
    DenseNet's two blocks, within a seed. Holds if all three 95 % intervals lie above 0; fails if one lies below; else
    undecided."""
    found = {key: one.set_index("seed")["between_classes"] for key, one in rows.groupby(["model", "layer"], sort=False)}
    first = found["lenet", "block1"]
    others = {key: values for key, values in found.items() if key != ("lenet", "block1")}
    measured = "; ".join(
        f"{plots.NETWORK_NAMES[model]} {layer} {words(values, limits=(-1, 1))}"
        for (model, layer), values in found.items()
    )
    return Judgement(_all_of([_sign(first - values) for values in others.values()]), f"Spearman: {measured}")


# --------------------------------------------------------------------------------------------- Fashion-MNIST

SIMILAR = (0, 2, 3, 4, 6)  # T-shirt, pullover, dress, coat, shirt
SHIRT = 6


def judge_falls_in_training(rows: pd.DataFrame) -> Judgement:
    """I(T;Y), averaged over layers, on Fashion-MNIST: its largest value over training minus the last, per network and
    seed. Holds if the 95 % interval of every network lies above 0.05 bit; fails if that of one lies below; else
    undecided."""
    falls = {}
    for model, one in rows.groupby("model", sort=False):
        mean = one.pivot_table(index="step", columns="seed", values="i_ty")
        falls[model] = mean.max() - mean.iloc[-1]
    measured = "; ".join(f"{plots.NETWORK_NAMES[model]} {words(fall, digits=3)} bit" for model, fall in falls.items())
    return Judgement(_all_of([_sign(fall - 0.05) for fall in falls.values()]), f"fall of I(T;Y): {measured}")


def judge_farther_from_bound(rows: pd.DataFrame) -> Judgement:
    """H(Y) - I(T;Y) of the output at the last iteration, Fashion-MNIST minus MNIST within a seed. Holds if the 95 %
    interval of every network lies above 0; fails if that of one lies below; else undecided."""
    gaps = rows.assign(gap=rows["entropy_y"] - rows["i_ty"]).pivot_table(
        index="seed", columns=["model", "part"], values="gap"
    )
    signs, measured = [], []
    for model in dict.fromkeys(rows["model"]):
        more, less = gaps[model, "appendix"], gaps[model, "main"]
        signs.append(_sign(more - less))
        measured.append(f"{plots.NETWORK_NAMES[model]} {words(more)} against {words(less)} bit")
    return Judgement(_all_of(signs), "short of H(Y): " + "; ".join(measured))


def _of_classes(rows: pd.DataFrame) -> dict:
    """{network: (seeds, classes) mean I(T;[Y=y]) over the kernels}."""
    return {
        model: one.pivot_table(index="seed", columns="class", values="value")
        for model, one in rows.groupby("model", sort=False)
    }


def judge_similar_classes(rows: pd.DataFrame) -> Judgement:
    """Mean I(T;[Y=y]) over the kernels of the second block, per seed: the smallest of the other five classes minus the
    largest of T-shirt, pullover, dress, coat and shirt. Holds if the 95 % intervals of LeNet and DenseNet lie above 0;
    fails if one lies below; else undecided."""
    gaps, measured, names = [], [], class_names(rows["dataset"].iloc[0])
    for model, values in _of_classes(rows).items():
        similar = values[list(SIMILAR)]
        others = values.drop(columns=list(SIMILAR))
        gaps.append(others.min(axis=1) - similar.max(axis=1))
        lowest = ", ".join(names[c] for c in values.mean().sort_values().index[:5])
        measured.append(
            f"{plots.NETWORK_NAMES[model]} the five {words(similar.mean(axis=1), digits=3)}, the others "
            f"{words(others.mean(axis=1), digits=3)} bit (lowest five: {lowest})"
        )
    return Judgement(_all_of([_sign(gap) for gap in gaps]), "; ".join(measured))


def judge_shirt(rows: pd.DataFrame) -> Judgement:
    """Mean I(T;[Y=y]) over the kernels of the second block, per seed: the smallest of the other nine classes minus that
    of shirt. Holds if the 95 % intervals of LeNet and DenseNet lie above 0; fails if one lies below; else undecided."""
    gaps, measured = [], []
    for model, values in _of_classes(rows).items():
        gaps.append(values.drop(columns=SHIRT).min(axis=1) - values[SHIRT])
        rank = values.rank(axis=1)[SHIRT].mean()
        measured.append(f"{plots.NETWORK_NAMES[model]} shirt {words(values[SHIRT], digits=3)} bit, rank {rank:.1f}")
    return Judgement(_all_of([_sign(gap) for gap in gaps]), "; ".join(measured) + " (rank 1: lowest)")


# --------------------------------------------------------------------------------------------- the advice


def judge_stride(rows: pd.DataFrame) -> Judgement:
    """Test accuracy of LeNet with stride 1 minus stride 2 in its first block, within a seed, in percentage points.
    Holds if its 95 % interval lies below 0.5; fails if it lies above; else undecided."""
    values = 100 * rows.pivot_table(index="seed", columns="stride", values="value")
    cost = values[1] - values[2]
    measured = f"stride 1 {words(values[1], limits=(0, 100))} %, stride 2 {words(values[2], limits=(0, 100))} %"
    return Judgement(_sign(0.5 - cost), f"{measured}; cost {words(cost)} points")


def judge_redundant(rows: pd.DataFrame) -> Judgement:
    """Largest |r| of a LeNet block-1 kernel's maps with those of another kernel of the block, median over the kernels.
    Holds if its 95 % interval over seeds lies above 0.8; fails if it lies below; else undecided."""
    found = rows.groupby("seed")["correlation"].median()
    return Judgement(_sign(found - 0.8), f"median of the largest |r| {words(found, limits=(0, 1))}")


def _losses(rows: pd.DataFrame) -> pd.DataFrame:
    """(seeds, orders) accuracy lost, in percentage points, by pruning half of the kernels."""
    whole = rows[rows["order"] == "none"].set_index("seed")["accuracy"]
    half = rows[rows["share"] == 0.5].pivot_table(index="seed", columns="order", values="accuracy")
    return 100 * half.rsub(whole, axis=0)


def judge_useless(rows: pd.DataFrame) -> Judgement:
    """Accuracy that LeNet loses, in percentage points, when the half of its block-2 kernels with the lowest I(T;Y) is
    set to zero. Holds if its 95 % interval lies below 1; fails if it lies above; else undecided."""
    lost = _losses(rows)["lowest first"]
    return Judgement(_sign(1 - lost), f"lost {words(lost)} points")


def judge_pruning_order(rows: pd.DataFrame) -> Judgement:
    """Accuracy lost by setting half of LeNet's block-2 kernels to zero: random halves (mean of the repeats) minus the
    half of lowest I(T;Y), within a seed. Holds if its 95 % interval lies above 0; fails if it lies below; else
    undecided."""
    lost = _losses(rows)
    measured = "; ".join(
        f"{order} {words(lost[order])} points" for order in ("lowest first", "random", "highest first")
    )
    return Judgement(_sign(lost["random"] - lost["lowest first"]), f"lost: {measured}")


def judge_early_blocks(rows: pd.DataFrame) -> Judgement:
    """Mean over the block-1 kernels of the change of I(T;Y), without its sign, from iteration 0 to the last; LeNet
    minus DenseNet within a seed. Holds if its 95 % interval lies above 0; fails if it lies below; else undecided."""

    def change(one: pd.DataFrame) -> pd.Series:
        values = one.pivot_table(index="step", columns=["seed", "kernel"], values="i_ty")
        return (values.iloc[-1] - values.iloc[0]).abs().groupby("seed").mean()

    found = _both_networks(rows, change)
    measured = f"LeNet {words(found['lenet'])} bit, DenseNet {words(found['densenet'])} bit"
    return Judgement(_sign(found["lenet"] - found["densenet"]), measured)


# --------------------------------------------------------------------------------------------- which rows


def _plane_rows(name: str, networks: tuple, *, part: str = "main", layers=None, late: bool = False, last: bool = False):
    """Rows of a table of planes: of one part or "both", of some networks; `layers`: "hidden" or "output"."""

    def select(tables) -> pd.DataFrame:
        table = tables[name]
        rows = table[
            table["model"].isin(networks) & (table["part"].isin(["main", "appendix"] if part == "both" else [part]))
        ]
        if layers:
            rows = rows[(rows["layer"] == "output") == (layers == "output")]
        if late:
            rows = rows[rows["step"] >= rows.groupby("model")["step"].transform("max").map(first_fifth)]
        return _last(rows) if last else rows

    return select


def _with_accuracy(name: str):
    outputs = _plane_rows(name, IMAGE_NETWORKS, layers="output", last=True)

    def select(tables) -> pd.DataFrame:
        accuracy = accuracies(tables)[["model", "seed", "value"]].rename(columns={"value": "accuracy"})
        return outputs(tables).merge(accuracy, on=["model", "seed"])

    return select


def _kernel_rows(name: str, *blocks: tuple[str, str], part: str = "main"):
    """Rows of a table of kernels: of some (network, block)."""

    def select(tables) -> pd.DataFrame:
        table = tables[name]
        chosen = pd.Series(list(zip(table["model"], table["layer"], strict=True)), index=table.index).isin(blocks)
        return table[chosen & (table["part"] == part)]

    return select


def _reading_rows(name: str, reading: str, *blocks: tuple[str, str], part: str = "main"):
    """The last rows of a table that has both readings, of some (network, block)."""
    of_blocks = _kernel_rows(name, *blocks, part=part)

    def select(tables) -> pd.DataFrame:
        rows = of_blocks(tables)
        return _last(rows[rows["reading"] == reading])

    return select


def _advice_rows(name: str, **wanted):
    def select(tables) -> pd.DataFrame:
        table = tables[name]
        for column, value in {"part": "main", **wanted}.items():
            table = table[table[column] == value]
        return _last(table)

    return select


# --------------------------------------------------------------------------------------------- the claims

FULL = {"seeds": 3, "steps": 50_000, "exactly": True}  # claims that speak of 20,000 or 50,000 iterations
TRAINED_WELL = {"seeds": 3, "steps": 5_000}  # those that name no number: nine epochs, where accuracy has settled
BLOCKS = (("lenet", "block1"), ("lenet", "block2"), ("densenet", "block1"), ("densenet", "block2"))
BLOCK1, BLOCK2 = BLOCKS[::2], BLOCKS[1::2]


def claims_of_planes(reading: str, name: str) -> list[Claim]:
    """The claims that rest on information planes, judged on the table `name`."""
    image = Needs("mnist", **FULL)
    return [
        Claim(
            "1b", "Last-layer I(T;Y) separates the networks more than accuracy does.",
            "MI values magnify the performance discrepancies", _with_accuracy(name), judge_separation, image, reading,
        ),
        Claim(
            "2", "Last-layer I(T;Y) ends higher in DenseNet than in LeNet and ReLU-MLP.",
            "higher than in the other two (Figure 4)", _with_accuracy(name), judge_order, image, reading,
        ),
        Claim(
            "3", "No network has converged at 10,000 iterations: I(T;Y) still rises to 50,000.",
            "a noticeable increase", _plane_rows(name, IMAGE_NETWORKS, late=True), judge_not_converged, image, reading,
        ),
        Claim(
            "7a", "On Fashion-MNIST I(T;Y) falls during training.",
            "drop significantly during training", _plane_rows(name, IMAGE_NETWORKS, part="appendix"),
            judge_falls_in_training, Needs("fashion-mnist", **FULL), reading,
        ),
        Claim(
            "7b", "On Fashion-MNIST the output ends farther from the bound H(Y) than on MNIST.",
            "the convergence is farther from the IB bound",
            _plane_rows(name, IMAGE_NETWORKS, part="both", layers="output", last=True), judge_farther_from_bound,
            Needs(("mnist", "fashion-mnist"), **FULL), reading,
        ),
        Claim(
            "8a", "tanh_12 shows diffusion, then compression, with I(T;Y) rising throughout.",
            "both phases; Saxe et al.: tanh compresses", _plane_rows(name, ("tanh_12",), layers="hidden"),
            judge_two_phases, Needs("12bit", seeds=3, steps=10_000), reading,
        ),
        Claim(
            "8b", "relu_mnist_narrow shows diffusion, then compression, with I(T;Y) rising throughout.",
            "both phases; Saxe et al.: ReLU does not compress",
            _plane_rows(name, ("relu_mnist_narrow",), layers="hidden"), judge_two_phases,
            Needs("mnist", seeds=3, steps=10_000), reading,
        ),
    ]  # fmt: skip


def claims_of_kernels(reading: str, name: str) -> list[Claim]:
    """The claims on single kernels, judged on the table `name` and on the `reading` of what follows from it."""
    trained, full = Needs("mnist", **TRAINED_WELL), Needs("mnist", **FULL)
    fashion = Needs("fashion-mnist", **TRAINED_WELL)
    return [
        Claim(
            "4a", "The I(T;Y) of LeNet's block-1 kernels rises early in training.",
            "increase significantly at early stages", _kernel_rows(name, ("lenet", "block1")), judge_early_rise,
            trained, reading,
        ),
        Claim(
            "4b", "The I(T;Y) of LeNet's block-1 kernels exceeds that of DenseNet's.",
            "higher than its counterparts (Figure 5)", _kernel_rows(name, *BLOCK1), judge_above_densenet, trained,
            reading,
        ),
        Claim(
            "4c", "The block-1 kernels of DenseNet evolve more steadily than LeNet's.", "more stable (Figure 5c, d)",
            _kernel_rows(name, *BLOCK1), judge_steadier, trained, reading,
        ),
        Claim(
            "5a", "The median I(T;Y) of LeNet's block-2 kernels falls after about 20,000 iterations.",
            "a decreasing trend after 20,000 iterations", _kernel_rows(name, ("lenet", "block2")), judge_late_fall,
            full, reading,
        ),
        Claim(
            "5b", "The median I(T;Y) of the kernels of DenseNet's dense block rises.", "from 0.46 to 1.07",
            _kernel_rows(name, ("densenet", "block2")), judge_dense_rise, full, reading,
        ),
        Claim(
            "6a", "LeNet's block-1 kernels are not class-specialised: ranked high for one, ranked high for all.",
            "always ranked high across all digit classes",
            _reading_rows("rank_agreement", reading, ("lenet", "block1")), judge_same_for_all_classes, trained, reading,
        ),
        Claim(
            "6b", "LeNet's block-1 kernels keep their order over the iterations.",
            "the order does not change much over iterations",
            _reading_rows("rank_agreement", reading, ("lenet", "block1")), judge_keep_order, trained, reading,
        ),
        Claim(
            "6c", "LeNet's block 2 and both blocks of DenseNet specialise more than LeNet's block 1.",
            "more specialised for particular digit classes", _reading_rows("rank_agreement", reading, *BLOCKS),
            judge_specialise, trained, reading,
        ),
        Claim(
            "7c", "Fashion-MNIST: T-shirt, pullover, dress, coat and shirt have the lowest kernel information.",
            "relatively lower values (block 2 of both networks)",
            _reading_rows("class_information", reading, *BLOCK2, part="appendix"), judge_similar_classes, fashion,
            reading,
        ),
        Claim(
            "7d", "Fashion-MNIST: shirt has the lowest kernel information of all classes.",
            "here shirt has the lowest MI",
            _reading_rows("class_information", reading, *BLOCK2, part="appendix"), judge_shirt, fashion, reading,
        ),
        Claim(
            "S5", "Early blocks learn less in a deep network: block 1 changes less in DenseNet than in LeNet.",
            "less effective for the early blocks (section 6)", _kernel_rows(name, *BLOCK1), judge_early_blocks, trained,
            reading,
        ),
    ]  # fmt: skip


def _both_readings(of_reading, tables: str) -> list[Claim]:
    """Each claim under the literal and the second reading, one after the other."""
    pairs = zip(of_reading("literal", f"literal_{tables}"), of_reading("second", f"second_{tables}"), strict=True)
    return [claim for pair in pairs for claim in pair]


CLAIMS = sorted(
    [
        Claim(
            "1a", "Test accuracy at 50,000 iterations.", "ReLU-MLP 96.93 %, LeNet 99.22 %, DenseNet 99.23 %",
            accuracies, judge_accuracy, Needs("mnist", **FULL),
        ),
        *_both_readings(claims_of_planes, "planes"),
        *_both_readings(claims_of_kernels, "kernels"),
        Claim(
            "S1", "A larger stride in LeNet's first block costs no accuracy.", "little impact (section 6)",
            _advice_rows("strides", quantity="test_accuracy"), judge_stride, Needs("mnist", **TRAINED_WELL),
        ),
        Claim(
            "S2", "LeNet's block-1 kernels are redundant: their maps are highly correlated.",
            "highly correlated kernels (section 6)", _advice_rows("correlations", model="lenet", layer="block1"),
            judge_redundant, Needs("mnist", **TRAINED_WELL),
        ),
        Claim(
            "S3", "Many of LeNet's block-2 kernels are useless: the half of lowest I(T;Y) is not missed.",
            "less-effective kernels (section 6)", _advice_rows("pruning", layer="block2"), judge_useless,
            Needs("mnist", **TRAINED_WELL),
        ),
        Claim(
            "S4", "I(T;Y) finds the kernels that can be removed: better than chance.",
            "removing those kernels (section 6)", _advice_rows("pruning", layer="block2"), judge_pruning_order,
            Needs("mnist", **TRAINED_WELL),
        ),
    ],
    key=lambda claim: claim.id,
)  # fmt: skip
