"""Training by several processes at once, as ``torchrun`` starts them (data parallel)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from training.data.windows import ProcessShare


@contextmanager
def joined_processes(device: torch.device) -> Iterator[ProcessShare]:
    """Meet the other processes for as long as the context lasts; does nothing if there are none."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ProcessShare()
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield ProcessShare(distributed.get_rank(), distributed.get_world_size())
        distributed.barrier()  # who leaves while another still works may be torn down badly
    finally:
        distributed.destroy_process_group()


def choose_device(name: str) -> torch.device:
    """The device of a name; ``auto`` takes a GPU where there is one, each process its own."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device {name}: this PyTorch sees no GPU; expected cpu, or auto")
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(name)
    return torch.device(name)
