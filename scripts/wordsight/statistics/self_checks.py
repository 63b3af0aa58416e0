"""Signs that an attack failed, in the rows of a protocol that attacks."""

# Above these values, the attack is hindered, or another one would give another curve.
ATTACK_CHECKS = {
    "zero_gradient": 0.0,
    "training_mode": 0.0,
    "randomised": 0.0,
    "softmax_outputs": 0.0,
    # Shares of images near the edge of what an attack can do, of which chance lets a few fall to either side.
    "not_monotone": 0.2,
    "rising": 0.2,
    "late": 0.2,
    "another_start": 0.2,
    "black_box": 0.2,
    "targeted_is_stronger": 0.2,
    "minimum_norm_is_stronger": 0.2,
}
# From this radius on, any image can be turned into plain grey, or into an equal blend with any other image,
# so no classifier can withstand an attack that works.
HOPELESS_RADIUS = 0.5
