"""Ray Serve: ``python -m bench.peers.serve_with_ray PORT``."""

import os
import signal
import sys
from typing import Any

import numpy as np
import ray
from ray import serve
from starlette.requests import Request

from bench.peers.graph import BATCH_WAIT_S, MOST_IN_BATCH, Graph, model_input


class Lift:
    """One clip a request; Ray Serve gathers them."""

    def __init__(self) -> None:
        self.graph = Graph()

    @serve.batch(max_batch_size=MOST_IN_BATCH, batch_wait_timeout_s=BATCH_WAIT_S)
    async def lift(self, clips: list[Any]) -> list[Any]:
        """Poses of a batch."""
        return list(self.graph.lift(np.stack(clips)))

    async def __call__(self, request: Request) -> Any:  # noqa: ANN401
        """Poses of one clip as JSON."""
        body = await request.json()
        poses = await self.lift(model_input(body["clips"][0]["keypoints"]))
        return {"poses": poses.tolist()}


if __name__ == "__main__":
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, _node_ip_address="127.0.0.1")
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    deployed = serve.deployment(num_replicas=1, max_ongoing_requests=2 * MOST_IN_BATCH)(Lift)
    serve.run(deployed.bind())
    signal.pause()
