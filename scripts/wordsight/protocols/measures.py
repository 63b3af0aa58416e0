"""What each protocol is judged by, and what its numbers can mean."""

# The metric of contrasts, ranks and the summary figure.
PRIMARY = {
    "clustering": "accuracy",
    "few_shot": "accuracy",
    "transfer": "accuracy",
    "robustness": "robust_area",
    "cross_style_few_shot": "accuracy",
    "cross_style_probe": "accuracy",
    "cross_style_retrieval": "recall_at_1",
}
# Whose trials are the pairs of styles: like datasets, a repetition would not draw them anew.
FIXED_TRIALS = ("cross_style_probe", "cross_style_retrieval")
# From here on, any image can be changed into any other of half its contrast, and no classifier can be right.
HOPELESS_RADIUS = 0.5
