"""Train a model: ``python -m training.train --help``."""

from pathlib import Path

from pydantic_settings import BaseSettings

from training.command import command_line, run
from training.config import TrainConfig
from training.loop import Trainer


class TrainCommand(TrainConfig, BaseSettings):
    """Train a temporal model on prepared motion; a run that was stopped goes on by itself."""

    model_config = command_line("training.train")

    config: Path | None = None
    """A TOML file with any of these settings, named as here but with underscores."""
    restart: bool = False
    """Begin anew even if the output folder holds a checkpoint."""

    def cli_cmd(self) -> None:
        """Run it."""
        config = TrainConfig(**self.model_dump(exclude={"restart", "config"}))
        trainer = Trainer(config)
        checkpoint = config.output / "checkpoint.pt"
        if checkpoint.exists() and not self.restart:
            trainer.resume(checkpoint)
            print(f"going on after epoch {len(trainer.history)} of {checkpoint}")
        elif config.initial is not None:
            trainer.begin_with(config.initial)
        trainer.run()
        print(f"done: {checkpoint}")


if __name__ == "__main__":
    run(TrainCommand)
