"""The numbers that Shen and Shen (2020) print."""

INPUT_ENTROPIES = {100: 19.89815, 500: 22.959736, 1_000: 24.094230, 2_000: 25.161577}  # bits, by images a class (F5)
SETTLED = {100: 150, 2_000: 50}  # epochs at which the loss is flat, by images a class (F5)
STEADY = {100: 70, 1_000: 25}  # epochs at which H(x.label|y) is steady, by images a class (F6)
CONFUSION_EPOCH = 10  # of F7
