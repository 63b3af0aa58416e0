"""What tells that an attack failed, in the rows of a protocol that attacks."""

# The metrics that are zero where nothing hindered the attack.
ATTACK_CHECKS = ("zero_gradient", "randomised", "softmax_outputs")
# From this radius on, any image can be changed into any other of half its contrast, and no classifier can be
# right.
HOPELESS_RADIUS = 0.5
