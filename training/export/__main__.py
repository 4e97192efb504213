"""Export a checkpoint to a model folder: ``python -m training.export --help``."""

from training.command import run
from training.export.model_folder import ExportCommand

if __name__ == "__main__":
    run(ExportCommand)
