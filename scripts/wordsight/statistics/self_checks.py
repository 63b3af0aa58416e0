"""Signs that an attack failed, in the rows of a protocol that attacks."""

# These metrics are zero when nothing hindered the attack.
ATTACK_CHECKS = ("zero_gradient", "randomised", "softmax_outputs")
# From this radius on, any image can be turned into plain grey, or into an equal blend with any other image,
# so no classifier can withstand an attack that works.
HOPELESS_RADIUS = 0.5
