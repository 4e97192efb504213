"""BentoML: ``python -m bentoml serve bench.peers.serve_with_bentoml:Lift --port PORT``."""

import bentoml
import numpy as np

from bench.peers.graph import MOST_IN_BATCH, Graph, model_input


@bentoml.service(workers=1, traffic={"timeout": 60})
class Lift:
    """Arrays whose first axis is the batch, which BentoML joins."""

    def __init__(self) -> None:
        self.graph = Graph()

    # Its batching is adaptive, and refuses what it expects to take longer than this.
    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=MOST_IN_BATCH, max_latency_ms=60_000)
    def lift(self, keypoints: np.ndarray) -> np.ndarray:
        """Poses of a batch of clips (B, T, J, 3)."""
        return np.asarray(self.graph.lift(model_input(keypoints)))
