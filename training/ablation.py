"""What each part of the training recipe does: ``python -m training.ablation --help``."""

from training.command import command_line, run
from training.reproduction.ablation import Ablation


def ablation(*, options: Ablation = Ablation()) -> None:
    """Train small networks with the whole training recipe, and without each of its parts.

    They are measured on held-out people and, from the keypoints of two real detectors, on a trial
    with a triangulated ground truth. Finished runs are kept, and a run that was stopped is resumed:
    start the same command again.
    """
    options.run()


if __name__ == "__main__":
    run(command_line("training.ablation", ablation))
