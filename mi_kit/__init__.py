"""mi_kit: what a layer keeps of the input and knows of the label, measured while networks learn.

Where to look, in the order in which data go:

    data         data sets by name (`load`), or of your own tensors (`Dataset.of`)
    models       the papers' networks
    training     `train`: cached, resumable, several seeds at once
    runs         `Recorder` for a training loop of your own, `open` to read a run again, `Run`
    probes       what any module of a network puts out; error signals; loss and accuracy
    estimators   entropy and mutual information in bits: tensors in, tensors out
    samplers     distributions whose information is known
    phases       how to read a path in the information plane
    hypercube    a recorded network as a cube of inputs, layers, channels and epochs; deconvnet: what a channel sees
    plots        figures of finished tables; widgets: sliders over them; live: linked views that answer queries
    claims       rules, judged over seeds; experiments: one paper a file or folder, under the notebooks

`mi-kit --help` lists the commands. Modules are imported when they are first asked for: `mi_kit.estimators`.
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    import importlib
    import pkgutil

    if name not in {module.name for module in pkgutil.iter_modules(__path__)}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f".{name}", __name__)
