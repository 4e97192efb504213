"""Train a model: ``python -m training.train --help``."""

import sys

from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict

from training.checkpoint import CheckpointError
from training.config import TrainConfig
from training.loop import Trainer


class TrainCommand(TrainConfig, BaseSettings):
    """Train a temporal model on prepared motion; a run that was stopped goes on by itself."""

    model_config = SettingsConfigDict(
        cli_prog_name="python -m training.train",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
        frozen=True,
    )

    restart: bool = False
    """Begin anew even if the output folder holds a checkpoint."""

    def cli_cmd(self) -> None:
        """Run it."""
        config = TrainConfig(**self.model_dump(exclude={"restart"}))
        trainer = Trainer(config)
        checkpoint = config.output / "checkpoint.pt"
        if checkpoint.exists() and not self.restart:
            trainer.resume(checkpoint)
            print(f"going on after epoch {len(trainer.history)} of {checkpoint}")
        trainer.run()
        print(f"done: {checkpoint}")


def main() -> None:
    """The command."""
    try:
        CliApp.run(TrainCommand)
    except (CheckpointError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
