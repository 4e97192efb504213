"""A reader that is named reads whatever it is given, or says what is wrong with it."""

import numpy as np
import pytest

import poselift
from poselift.readers.registry import READERS
from poselift.readers.source import Source
from tests.poselift.readers.examples import EXAMPLES
from tests.poselift.readers.tool_examples import npy, npz

HUGE = 10**400
BODIES = [
    *(
        b"",
        b" ",
        b"\n",
        b"\x00",
        b"\x00" * 100,
        b"\xff\xfe",
        b"0",
        b"0 0",
        b"a,b\n1,2\n",
        b"\x93NUMPY",
    ),
    *(b"PK\x03\x04", b"PK\x05\x06" + b"\x00" * 18, b"\x89HDF\r\n\x1a\n", b"\x08\x01", b'"text"'),
    *(b"null", b"true", b"{}", b"[]", b"[[]]", b"[[[]]]", b"[{}]", b"[null]", b"[0]", b"[[0]]"),
    *(b"[[[0]]]", b'[{"keypoints": null}]', b'{"keypoints": [1]}', b'{"people": [1]}', b"NaN"),
    *(b'{"frames": {"a": 1}}', b'{"clips": null}', b'{"a": {"b": {}}}', b"[1e999]", b"{}\n{}\n"),
    *(
        b'[{"landmarks": {"x": 1}}]',
        b'[{"x": 1, "y": 2, "frame": []}]',
        b'[[{"x": 1e999, "y": 0}]]',
    ),
    *(
        b"scorer\n",
        b"scorer,a\nbodyparts,b\ncoords,x\n",
        b"frame,x,y,name\n0,1,2\n",
        b"\xef\xbb\xbf",
    ),
    *(npy(np.zeros(0)), npy(np.zeros((0, 17, 2))), npy(np.float64(1)), npz(a=1), npz()),
    *(npz(positions_2d=1), npz(positions_2d={}), npz(boxes=1, keypoints=2, metadata=3)),
]
BODIES += [
    *(
        b"[[{%s}]]" % landmark
        for landmark in (b'"x": %d, "y": 0' % HUGE, b'"x": 1, "y": 0, "score": "a"')
    ),
    *(b"[[[%d, 1, 1]]]" % HUGE, b'[{"frame": %d, "landmarks": [[1, 2]]}]' % HUGE),
    *(npz(keypoints=np.zeros((4, 17, 2)))[:n] + b"xx" for n in (20, 60, 100)),
    b'{"images": [{"id": 1, "width": {}}], "annotations": [{"image_id": 1, "keypoints": []}]}',
    b'{"clips": [{"keypoints": [[]]}], "fps": %d, "image_size": [%d, 1]}' % (HUGE, HUGE),
]
BODIES += [
    content.encode() if isinstance(content, str) else content
    for content in (next(iter(example.files.values())) for example in EXAMPLES.values())
]


@pytest.mark.parametrize("reader", [reader.name for reader in READERS])
@pytest.mark.parametrize(
    "name", ["file", "file.json", "file.csv", "file.npy", "file.h5", "file.pb"]
)
def test_it_is_read_or_refused(reader, name):
    for body in BODIES:
        for source in (Source.of_bytes(name, body), Source.of_bytes(name, body[: len(body) // 2])):
            try:
                poselift.read(source, reader=reader)
            except poselift.InvalidInput:
                continue
            except Exception as error:
                error.add_note(f"{reader}: {name}: {body[:100]!r}")
                raise


def test_no_reader_fails_to_sniff():
    for body in BODIES:
        for name in ("file", "file.json", "file.csv", "file.npy", "file.txt"):
            for reader in READERS:
                assert reader.sniff(Source.of_bytes(name, body)) in {True, False}
