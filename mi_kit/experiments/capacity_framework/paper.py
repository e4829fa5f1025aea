"""The numbers that the paper prints in its tables 1 to 5, and what its runs are made of."""

METHOD_SHARES = {("cnn9", "SGD"): 0.865, ("cnn9", "BGD"): 0.821, ("linear", "SGD"): 0.755, ("linear", "BGD"): 0.594}
DEPTH_SHARES = {"cnn2": 0.56, "cnn4": 0.68, "cnn9": 0.87, "cnn16": 0.96}
COUNT_SHARES = {100: 0.905, 200: 0.921, 300: 0.912, 400: 0.924, 500: 0.924, 600: 0.924}
FINAL_ACCURACIES = {"cnn2": 0.45, "cnn4": 0.70, "cnn9": 0.77, "cnn16": 0.89}
RECALLS = {"airplane": 0.921, "automobile": 0.961, "bird": 0.825}
POINTS = [  # transition: I(T;Y), I(X;T), epoch, accuracy; convergence: the same
    ("mnist", "fc3", 2.96, 7.183, 1, 0.836, 3.259, 4.358, 51, 0.983),
    ("mnist", "fc6", 2.962, 7.532, 1, 0.846, 3.249, 3.746, 56, 0.988),
    ("mnist", "fc9", 2.803, 7.166, 1, 0.774, 3.214, 3.647, 54, 0.988),
    ("mnist", "cnn2", 2.952, 7.898, 1, 0.75, 3.282, 3.916, 50, 0.99),
    ("mnist", "cnn4", 2.286, 7.683, 1, 0.451, 3.284, 3.621, 53, 0.994),
    ("mnist", "cnn6", 2.236, 6.184, 1, 0.515, 3.275, 3.592, 54, 0.994),
    ("cifar", "fc3", 2.671, 10.085, 65, 0.534, 2.671, 10.085, 65, 0.534),
    ("cifar", "fc6", 2.604, 9.321, 20, 0.537, 2.218, 7.197, 66, 0.575),
    ("cifar", "fc9", 2.55, 9.02, 21, 0.555, 2.218, 7.197, 66, 0.56),
    ("cifar", "cnn2", 1.816, 8.133, 63, 0.451, 1.816, 8.133, 63, 0.451),
    ("cifar", "cnn4", 2.840, 8.761, 67, 0.705, 2.840, 8.761, 67, 0.705),
    ("cifar", "cnn6", 2.301, 8.891, 5, 0.52, 2.472, 4.862, 66, 0.781),
]  # fmt: skip
PAPER_IMAGES = {"mnist": (60_000, 10_000), "cifar": (50_000, 10_000)}  # training and test images of the published sets
EPOCHS = {"mnist": "50 to 56", "cifar": "63 to 67"}  # until convergence, Table 4
SMALL_IMAGES = 10_000  # of the trainings of Table 1
N_MOMENTS = 600
