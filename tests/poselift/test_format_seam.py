"""The recipe of a keypoint format: its joints among the formats; nothing else."""

import json
from pathlib import Path

import numpy as np

from tests.checkout import copy_packages, insert, run

LAST = '    "h36m17": H36M17.joints,\n'
LINE = '    "limbs13": (*_sided(*_ARM, *_LEG), "head"),\n'
SCRIPT = """
import asyncio, json, sys
from pathlib import Path
import httpx
import poselift
from service.rest.app import create_app
from tests.models import person_clip, running_service

async def ask(request):
    async with running_service(Path(sys.argv[1])) as context:
        transport = httpx.ASGITransport(create_app(context))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            answer = await client.post("/v1/lift", json=request)
            schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    return answer.json(), schemas["LiftRequest"]["properties"]["keypoint_format"]["enum"]

def lift(clip, name):
    model = Path(sys.argv[1]) / "symmetric"
    return poselift.lift(clip, image_size=(1000, 800), keypoint_format=name, model=model)

coco = person_clip(9)
coco[:, :5] = 0
clip = person_clip(9, keypoint_format="limbs13")
clip[:, :12] = coco[:, 5:]
request = {
    "model": "symmetric",
    "image_size": [1000, 800],
    "keypoint_format": "limbs13",
    "clips": [{"keypoints": clip.tolist()}],
}
answer, formats = asyncio.run(ask(request))
print(json.dumps({
    "expected": lift(coco, "coco17").poses.tolist(),
    "lifted": lift(clip, "limbs13").poses.tolist(),
    "answered": answer["clips"][0]["poses"],
    "formats": formats,
}))
"""


def test_a_format_is_lifted_by_the_library_and_the_service(models: Path, tmp_path: Path) -> None:
    checkout = copy_packages(tmp_path, "poselift", "service", "training", "tests")
    insert(checkout / "poselift" / "formats.py", LAST, LINE)
    found = json.loads(run(checkout, "-c", SCRIPT, models))
    # Its head is no joint of COCO's, of which it lacks the face.
    np.testing.assert_array_equal(found["lifted"], found["expected"])
    np.testing.assert_allclose(found["answered"], found["expected"], atol=1e-5)
    assert "limbs13" in found["formats"]
