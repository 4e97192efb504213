"""Time reversal: clips that run backwards."""

from training.augmentation.augmentation import Augmentation, Stage, with_probability

BACKWARDS = Augmentation(
    name="backwards",
    help="Share of the clips that run backwards in time.",
    stage=Stage.MOTION,
    change=with_probability(lambda points, _, __: points[::-1]),
)
