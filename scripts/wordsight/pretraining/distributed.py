"""One training on several devices: torchrun starts the processes, and each takes its share of every batch.

The loss is computed on the outputs of all processes, so that contrastive objectives see the whole batch.
With L that loss, o_r the outputs of process r and J_r their derivative by the parameters, the gradient is the
sum over r of J_r' dL/do_r. Gradients are averaged over the processes, so each process multiplies its own by
the number of processes.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class World:
    """Rank of this process, and number of processes."""

    rank: int = 0
    size: int = 1

    def share(self, count: int) -> slice:
        """Share of this process in ``count`` images; ``count`` has to be a multiple of ``size``."""
        part = count // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def gather(self, values: torch.Tensor) -> torch.Tensor:
        """Rows of all processes, in the order of the processes."""
        if self.size == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    def average_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Replace each gradient by its mean over all processes."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= self.size

    def average_buffers(self, modules: Iterable[torch.nn.Module]) -> None:
        """Replace running statistics, which each process computes on its share, by their mean."""
        if self.size == 1:
            return
        for module in modules:
            for buffer in module.buffers():
                if buffer.is_floating_point():
                    dist.all_reduce(buffer)
                    buffer /= self.size


def join(device: torch.device) -> World:
    """Join the other processes that torchrun started; without torchrun there are none."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(dist.get_rank(), size)


def leave() -> None:
    """End the communication between the processes."""
    if dist.is_initialized():
        dist.destroy_process_group()
