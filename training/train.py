"""Train a model: ``python -m training.train --help``."""

from pathlib import Path

from training.command import command_line, run
from training.config.train_config import TrainConfig, flattened
from training.data.windows import ProcessShare
from training.loop.processes import choose_device, joined_processes
from training.loop.trainer import CHECKPOINT, Trainer


def train(
    *, settings: TrainConfig = TrainConfig(), config: Path | None = None, restart: bool = False
) -> None:
    """Train a temporal model on prepared data; a run that was stopped is resumed.

    Several processes share the work when started by ``torchrun -m training.train …``.

    Args:
        settings: of the run.
        config: A TOML file with any of these settings, named as here but with underscores, in
            sections or not; options take precedence over it.
        restart: Begin anew even if the output folder holds a checkpoint.
    """
    del config  # its settings are in these already
    with joined_processes(choose_device(settings.run.device)) as share:
        # In a function of its own: what it made is gone before the processes part.
        _train(settings, share, restart)
    if share.rank == 0:
        print(f"done: {settings.run.output / CHECKPOINT}")


def _train(settings: TrainConfig, share: ProcessShare, restart: bool) -> None:
    trainer = Trainer(settings, share)
    checkpoint = settings.run.output / CHECKPOINT
    if checkpoint.exists() and not restart:
        trainer.resume(checkpoint)
        print(f"resuming after epoch {len(trainer.history)} of {checkpoint}")
    elif settings.optimisation.initial is not None:
        trainer.begin_with(settings.optimisation.initial)
    trainer.run()


if __name__ == "__main__":
    run(command_line("training.train", train), flattened=flattened)
