"""Train a model: ``python -m training.train --help``."""

from pathlib import Path

from pydantic_settings import BaseSettings

from training.command import command_line, run
from training.config.train_config import TrainConfig
from training.data.windows import Share
from training.loop.processes import choose_device, joined_processes
from training.loop.trainer import Trainer

CHECKPOINT = "checkpoint.pt"


class TrainCommand(TrainConfig, BaseSettings):
    """Train a temporal model on prepared data; a run that was stopped goes on by itself.

    Several processes share the work when started by ``torchrun -m training.train …``.
    """

    model_config = command_line("training.train")

    config: Path | None = None
    """A TOML file with any of these settings, named as here but with underscores."""
    restart: bool = False
    """Begin anew even if the output folder holds a checkpoint."""

    def cli_cmd(self) -> None:
        """Run it."""
        config = TrainConfig(**self.model_dump(exclude={"restart", "config"}))
        with joined_processes(choose_device(config.device)) as share:
            # In a function of its own: what it made is gone before the processes part.
            self._train(config, share)
        if share.rank == 0:
            print(f"done: {config.output / CHECKPOINT}")

    def _train(self, config: TrainConfig, share: Share) -> None:
        trainer = Trainer(config, share)
        checkpoint = config.output / CHECKPOINT
        if checkpoint.exists() and not self.restart:
            trainer.resume(checkpoint)
            print(f"going on after epoch {len(trainer.history)} of {checkpoint}")
        elif config.initial is not None:
            trainer.begin_with(config.initial)
        trainer.run()


if __name__ == "__main__":
    run(TrainCommand)
