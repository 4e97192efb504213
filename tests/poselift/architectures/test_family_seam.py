"""The recipe of a model family: a module and its line in the card; nothing else."""

import json
from pathlib import Path

import numpy as np

from tests.checkout import copy_packages, insert, run

FILE = '''"""One linear map for every frame and joint by itself."""

from collections.abc import Iterator
from typing import Literal

from poselift.architectures.architecture import Architecture


class Linear(Architecture):
    """One linear map from an image's coordinates to a room's."""

    kind: Literal["linear"] = "linear"
    has_bias: bool

    def contradictions(self) -> Iterator[str]:
        """It sees one frame at a time."""
        if self.receptive_field != 1:
            yield f"receptive field {self.receptive_field}, but it sees 1 frame"
'''
IMPORT = "from poselift.architectures.tcn import Tcn\n"
LAST = '    Annotated[Tcn, Tag("tcn")]\n'
SCRIPT = """
import asyncio, json, shutil, sys
from pathlib import Path
import httpx
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import poselift
from poselift.architectures.linear import Linear
from poselift.card import METADATA_KEY, Card
from poselift.runtime.clip import ClipModel
from poselift.runtime.model_files import CLIP_GRAPH, WEIGHTS, model_version
from service.rest.app import create_app
from tests.models import person_clip, running_service

MATRIX = np.array([[1, 0, 0.5], [0, 1, -0.5]], np.float32)

def export(template, folder, receptive_field):
    "A model folder whose card is otherwise that of another model."
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "frames", 17, size])
        for name, size in (("keypoints", 2), ("poses", 3))
    ]
    node = helper.make_node("MatMul", ["keypoints", "matrix"], ["poses"])
    weights = [numpy_helper.from_array(MATRIX, "matrix")]
    graph = helper.make_graph([node], "linear", tensors[:1], tensors[1:], weights)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    folder.mkdir()
    path = folder / CLIP_GRAPH
    onnx.save(model, path, save_as_external_data=True, location=WEIGHTS, size_threshold=0)
    network = Linear(causal=False, receptive_field=receptive_field, has_bias=False)
    changes = {"name": "linear", "version": model_version(folder), "architecture": network}
    card = ClipModel.load(template, "cpu").card.model_copy(update=changes)
    model = onnx.load(path, load_external_data=False)
    helper.set_model_props(model, {METADATA_KEY: card.model_dump_json()})
    path.write_bytes(model.SerializeToString())
    return folder

async def ask(models, request):
    async with running_service(models) as context:
        transport = httpx.ASGITransport(create_app(context))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            lifted = await client.post("/v1/lift", json=request)
            described = await client.get("/v1/models")
    return lifted.json(), described.json()

templates, models = map(Path, sys.argv[1:])
linear = export(templates / "symmetric", models / "linear", receptive_field=1)
shutil.copytree(templates / "symmetric", models / "symmetric")
clip = person_clip(9)
request = {"model": "linear", "image_size": [1000, 800], "clips": [{"keypoints": clip.tolist()}]}
answer, described = asyncio.run(ask(models, request))
try:
    ClipModel.load(export(templates / "symmetric", models / "wrong", receptive_field=9), "cpu")
except poselift.errors.ModelError as error:
    refused = str(error)
print(json.dumps({
    "lifted": poselift.lift(clip, image_size=(1000, 800), model=linear).poses.tolist(),
    "answered": answer["clips"][0]["poses"],
    "model": answer["model"],
    "described": {model["name"]: model for model in described["models"]},
    "refused": refused,
}))
"""


def test_a_family_is_loaded_described_and_lifted_with(models: Path, tmp_path: Path) -> None:
    checkout = copy_packages(tmp_path, "poselift", "service", "training", "tests")
    (checkout / "poselift" / "architectures" / "linear.py").write_text(FILE)
    card = checkout / "poselift" / "card.py"
    insert(card, IMPORT, "from poselift.architectures.linear import Linear\n")
    insert(card, LAST, '    | Annotated[Linear, Tag("linear")]\n')
    (served := tmp_path / "served").mkdir()
    found = json.loads(run(checkout, "-c", SCRIPT, models, served))
    poses = np.array(found["lifted"])
    np.testing.assert_allclose(poses[..., 2], (poses[..., 0] - poses[..., 1]) / 2, atol=1e-5)
    assert np.ptp(poses) > 0.5
    np.testing.assert_allclose(found["answered"], poses, atol=1e-5)
    assert found["model"]["receptive_field"] == 1
    described = found["described"]["linear"]
    assert (described["filter_widths"], described["channels"]) == ([], 0)
    assert found["described"]["symmetric"]["filter_widths"] == [3, 3, 3]
    assert "receptive field 9, but it sees 1 frame" in found["refused"]
