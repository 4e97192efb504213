"""Every good file before every reader: exactly one takes it, and reads what is in it."""

import numpy as np
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.readers.registry import READERS
from poselift.readers.source import Source
from tests.poselift.readers.examples import EXAMPLES, REFUSED, write


@pytest.mark.parametrize("name", EXAMPLES)
def test_exactly_one_reader_takes_a_good_file(name, tmp_path):
    example = EXAMPLES[name]
    path = write(example, tmp_path)
    takers = [reader.name for reader in READERS if reader.sniff(Source.of(path))]
    assert takers == [example.reader]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_good_file_is_read_whole(name, tmp_path):
    example = EXAMPLES[name]
    clips = poselift.read(write(example, tmp_path))
    assert clips.reader == example.reader
    assert clips.keypoint_format == example.keypoint_format
    assert clips.coordinates == example.coordinates
    assert len(clips) == example.people
    assert len(clips[0]) == example.frames
    for clip in clips:
        assert np.isfinite(clip.keypoints).all()
        assert (clip.keypoints[[0, -1], :, 2] > 0).any(axis=1).all()


@pytest.mark.parametrize("name", REFUSED)
def test_exactly_one_reader_takes_what_is_not_lifted_and_says_why(name, tmp_path):
    example, reason = REFUSED[name]
    path = write(example, tmp_path)
    takers = [reader.name for reader in READERS if reader.sniff(Source.of(path))]
    assert takers == [example.reader]
    with pytest.raises(InvalidInput, match=reason):
        poselift.read(path)


def test_every_reader_has_an_example_and_one_of_several_people():
    refusing = {example.reader for example, _ in REFUSED.values()}
    reading = {each.reader for each in EXAMPLES.values()}
    assert reading | refusing == {reader.name for reader in READERS}
    several = {each.reader for each in EXAMPLES.values() if each.people > 1}
    assert several == reading
    assert len({reader.name for reader in READERS}) == len(READERS)
