"""LitServe: ``python -m bench.peers.serve_with_litserve PORT``."""

import sys
from typing import Any

import litserve
from starlette.requests import Request

from bench.peers.graph import BATCH_WAIT_S, MOST_IN_BATCH, Graph, model_input


class Lift(litserve.LitAPI):
    """One clip a request; LitServe stacks them."""

    def setup(self, device: str) -> None:
        """Open the graph in the worker."""
        del device
        self.graph = Graph()

    def decode_request(self, request: Request) -> Any:  # noqa: ANN401
        """The clip's model input (T, J, 2)."""
        return model_input(request["clips"][0]["keypoints"])

    def predict(self, x: Any) -> Any:  # noqa: ANN401
        """Poses of a batch."""
        return self.graph.lift(x)

    def encode_response(self, output: Any) -> Any:  # noqa: ANN401
        """Poses of one clip as JSON."""
        return {"poses": output.tolist()}


if __name__ == "__main__":
    API = Lift(max_batch_size=MOST_IN_BATCH, batch_timeout=BATCH_WAIT_S)
    SERVER = litserve.LitServer(API, accelerator="cpu", devices=1, workers_per_device=1)
    SERVER.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
