"""Measure a checkpoint on held-out subjects: ``python -m training.evaluate --help``."""

from pathlib import Path

from training.command import command_line, run
from training.evaluation.checkpoint_evaluation import CheckpointEvaluation
from training.evaluation.options import EvaluateOptions
from training.evaluation.wild.suite_command import run_suite


def evaluate(
    checkpoint: Path | None = None, /, *, options: EvaluateOptions = EvaluateOptions()
) -> None:
    """Print MPJPE, P-MPJPE, N-MPJPE (mm), MPJVE (mm per frame), PCK and AUC (%) per action.

    For models with a trajectory, also its error in mm and in % of the distance. Poses are compared
    relative to their own hip, as the service returns them; the paper's authors leave a predicted
    hip where it is.

    Args:
        checkpoint: The checkpoint to measure: this project's (.pt) or VideoPose3D's (.bin).
        options: of the command.
    """
    if options.suite is None and checkpoint is None:
        raise ValueError("expected a checkpoint, or --suite wild")
    if options.suite is None and checkpoint is not None:
        CheckpointEvaluation(checkpoint, options).run()
    elif checkpoint is not None:
        raise ValueError("--suite takes --models, exported folders, and no checkpoint")
    else:
        run_suite(options)


if __name__ == "__main__":
    run(command_line("training.evaluate", evaluate))
