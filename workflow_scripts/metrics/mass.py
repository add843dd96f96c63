"""How much of a soft attention map its mask keeps. Apart from `metrics.attention`, which imports torch."""

# What Walmer et al. keep when they turn a soft attention map into a mask (section 3.4).
ATTENTION_MASS = 0.6
