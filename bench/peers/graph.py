"""The clip graph as the other servers run it: the same file, and the session options of ours."""

import os
from typing import Any

import numpy as np
import onnxruntime

MOST_IN_BATCH = 32
BATCH_WAIT_S = 0.01


class Graph:
    """The graph that the environment names, with as many threads as that says."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["BENCH_THREADS"])
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            os.environ["BENCH_GRAPH"], options, providers=["CPUExecutionProvider"]
        )

    def lift(self, keypoints_BTJ2: Any) -> Any:  # noqa: ANN401
        """Poses (B, T, K, 3) of clips of one length."""
        return self._session.run(["poses"], {"keypoints": keypoints_BTJ2})[0]


def model_input(clip: Any) -> Any:  # noqa: ANN401
    """Keypoints (T, J, 3) in pixels to (T, J, 2) as small as a model wants them."""
    return np.asarray(clip, np.float32)[..., :2] / 500 - 1
