"""Live sessions by a client: the clip's poses, exactly once, whatever happens to the server."""

import asyncio
import contextlib

import numpy as np
import pytest

import poselift
from poselift.client import DeadlineExceeded, Overloaded, ServerError, SessionLost, SessionTaken
from poselift.imputation import Quality
from tests.clients.servers import KINDS, address, restarted_service
from tests.live.replicas import walks
from tests.live.stores import any_store
from tests.models import person_clip
from tests.serving import service_process

SIZE = (1000.0, 800.0)
OPTIONS = {"image_size": SIZE, "fps": 20.0}
FRAMES = [
    {person.track_id: person.keypoints_J3 for person in frame.people}
    for frame in walks("anna", "ben", frames=60)
]


@pytest.fixture(scope="session")
def expected(service):
    """What an undisturbed session answers to ``FRAMES``."""
    with poselift.Client(service.url) as client, client.stream(**OPTIONS) as live:
        return [live.push(people) for people in FRAMES]


class Awaited:
    """An asynchronous client by the calls of the one that blocks."""

    def __init__(self, url, **options):
        self._runner = asyncio.Runner()
        self._client = poselift.AsyncClient(url, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._runner.run(self._client.close())
        self._runner.close()

    def stream(self, **options):
        return AwaitedSession(self._client.stream(**options), self._runner)


class AwaitedSession:
    """Its session."""

    def __init__(self, session, runner):
        self._session = session
        self._runner = runner

    def __getattr__(self, name):
        found = getattr(self._session, name)
        if not callable(found):
            return found
        return lambda *arguments, **options: self._runner.run(found(*arguments, **options))

    def lift(self, *arguments, **options):
        async def collect():
            return [answer async for answer in self._session.lift(*arguments, **options)]

        yield from self._runner.run(collect())

    def __enter__(self):
        self._runner.run(self._session.__aenter__())
        return self

    def __exit__(self, *error):
        self._runner.run(self._session.__aexit__(*error))


PATIENCE_S = 200
"""A busy machine takes long to start a service."""
CLIENTS = {"blocking": poselift.Client, "awaited": Awaited}


@pytest.fixture(params=[(name, kind) for name in CLIENTS for kind in KINDS], ids="-".join)
def client_of(request):
    """Clients of a service, of each sort in turn."""
    name, kind = request.param
    return lambda service, timeout_s=PATIENCE_S: CLIENTS[name](
        address(service, kind), timeout_s=timeout_s
    )


@pytest.fixture(params=[("blocking", "http"), ("awaited", "grpc")], ids="-".join)
def some_client_of(request):
    """Two of these: each transport, and each way to wait."""
    name, kind = request.param
    return lambda service, timeout_s=PATIENCE_S: CLIENTS[name](
        address(service, kind), timeout_s=timeout_s
    )


def a_client_of(service):
    """One of these, for what the session decides by itself when a connection is lost."""
    return poselift.Client(service.url, timeout_s=PATIENCE_S)


@pytest.fixture(scope="module")
def store_of_the_restarted(tmp_path_factory):
    with any_store(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(scope="module")
def services(models, store_of_the_restarted):
    with restarted_service(models, store_of_the_restarted, DRAIN_TIMEOUT_S="1") as service:
        yield service


@pytest.fixture
def restarted(services):
    """A running service that may be killed and started, the same for all these tests."""
    services.start_unless_running()
    return services


def assert_equal(found, expected):
    """The same frames, with the same people in the same poses."""
    assert [answer.index for answer in found] == [answer.index for answer in expected]
    for one, other in zip(found, expected, strict=True):
        assert sorted(one.track_ids) == sorted(other.track_ids)
        for track_id in other.track_ids:
            mine, theirs = one.of(track_id), other.of(track_id)
            np.testing.assert_array_equal(mine.quality, theirs.quality)
            np.testing.assert_array_equal(mine.joint_quality, theirs.joint_quality)
            np.testing.assert_allclose(mine.poses, theirs.poses, atol=1e-4)


def test_live_poses_are_those_of_the_clip(service, models, client_of):
    keypoints = person_clip(50)
    keypoints[20:24, :, 2] = 0
    for options in ({}, {"axes": "y_up", "min_score": 0.7}):
        whole = poselift.lift(keypoints, model=models / "causal", **OPTIONS, **options)
        with client_of(service) as client, client.stream(**OPTIONS, **options) as live:
            answers = [live.push(frame) for frame in keypoints]
            assert live.model.name == "causal"
        assert [answer.index for answer in answers] == list(range(50))
        assert all(answer.track_ids == ("0",) for answer in answers)
        assert answers[0].poses.axes == whole.axes
        poses = np.concatenate([answer.poses.poses for answer in answers])
        np.testing.assert_allclose(poses, whole.poses, atol=1e-4)
        quality = np.concatenate([answer.poses.joint_quality for answer in answers])
        np.testing.assert_array_equal(quality, whole.joint_quality)


def test_trajectory_and_expected_errors_come_with_poses(service, models, client_of):
    keypoints = person_clip(20)
    options = {**OPTIONS, "model": "rooted", "lookahead_frames": 13}
    with client_of(service) as client, client.stream(**options) as live:
        answers = list(live.lift(keypoints))
    assert answers[3].poses.trajectory.shape == (1, 3)
    assert answers[3].poses.expected_errors.shape == (1, 17)
    whole = poselift.lift(keypoints, model=models / "rooted", **OPTIONS)
    poses = np.concatenate([answer.poses.trajectory for answer in answers])
    np.testing.assert_allclose(poses, whole.trajectory, atol=1e-3)


@pytest.mark.parametrize("ahead", [0, 8, 1000])
def test_frames_are_lifted_one_after_the_other(service, client_of, expected, ahead):
    with client_of(service) as client, client.stream(**OPTIONS) as live:
        assert_equal(list(live.lift(FRAMES, ahead=ahead)), expected)
        with pytest.raises(ServerError, match="closed"):
            live.push(FRAMES[0])


def test_answers_come_as_many_frames_later_as_was_asked_for(service, client_of):
    options = {**OPTIONS, "lookahead_frames": 5}
    with client_of(service) as client:
        with client.stream(**options) as live:
            pushed = [live.push(people) for people in FRAMES]
            rest = live.close()
        assert pushed[:5] == [None] * 5
        with client.stream(**options) as live:
            assert_equal(list(live.lift(FRAMES)), pushed[5:] + rest)


def test_people_without_tracks_are_associated(service, client_of, expected):
    with client_of(service) as client, client.stream(**OPTIONS, associate=True) as live:
        lists = [list(people.values())[:: 1 if i % 2 else -1] for i, people in enumerate(FRAMES)]
        answers = [live.push(people) for people in lists]
        names = dict(zip(answers[1].track_ids, answers[1].sources, strict=True))
        for index, answer in enumerate(answers):
            for track_id, source in zip(answer.track_ids, answer.sources, strict=True):
                assert (source == names[track_id]) == bool(index % 2)


def test_frames_without_people_timestamps_and_gaps(service, client_of):
    options = {**OPTIONS, "allow_gaps": True}
    with client_of(service) as client, client.stream(**options) as live:
        assert live.push(None, timestamp_s=0.0).track_ids == ()
        assert live.push(FRAMES[0], timestamp_s=0.1).index == 1
        far = live.push(FRAMES[1] | {"ben": None}, timestamp_s=5.0, index=100)
        assert far.index == 100
        assert far.of("anna").quality == [Quality.FILLED]
        assert far.of("ben").quality == [Quality.UNKNOWN]
        with pytest.raises(poselift.InvalidInput, match="101 or more"):
            live.push(None, timestamp_s=6.0, index=3)
        with pytest.raises(poselift.InvalidInput, match="timestamp_s"):
            live.push(None, timestamp_s=5.0)
        assert live.push(None, timestamp_s=6.0).index == 101


@pytest.mark.parametrize(
    ("people", "where"),
    [
        (np.zeros((3, 3)), "people"),
        ({"anna": np.zeros((17, 4))}, "people['anna']"),
        ({"anna": np.full((17, 3), np.nan)}, "people['anna'][0]"),
        ([FRAMES[0]["anna"], FRAMES[0]["ben"]], "people"),
        ({str(i): FRAMES[0]["anna"] for i in range(257)}, "frame.people"),
    ],
)
def test_a_frame_that_is_wrong_does_not_count(service, client_of, expected, people, where):
    with client_of(service) as client, client.stream(**OPTIONS) as live:
        answers = [live.push(frame) for frame in FRAMES[:3]]
        with pytest.raises(poselift.InvalidInput) as raised:
            live.push(people)
        assert raised.value.field_errors[0].where == where
        assert live.next_index == 3
        assert_equal(answers + [live.push(frame) for frame in FRAMES[3:6]], expected[:6])


def test_frames_behind_one_that_is_refused_are_not_lifted(service, client_of, expected):
    crowd = {str(i): FRAMES[0]["anna"] for i in range(257)}
    with client_of(service) as client, client.stream(**OPTIONS) as live:
        with pytest.raises(poselift.InvalidInput, match="at most 256 people"):
            list(live.lift([*FRAMES[:5], crowd, *FRAMES[5:]]))
        assert live.next_index == 5
        assert_equal([live.push(frame) for frame in FRAMES[5:9]], expected[5:9])


def test_a_wrong_person_is_told_beside_the_others(service, client_of):
    far = np.full((17, 3), 1e10, np.float32)
    with client_of(service) as client, client.stream(**OPTIONS) as live:
        answer = live.push({"wrong": far, "anna": FRAMES[0]["anna"]})
        problems = dict(zip(answer.track_ids, answer.problems, strict=True))
        assert problems["anna"] is None
        assert isinstance(problems["wrong"], poselift.InvalidInput)
        assert answer.of("wrong").quality == [Quality.UNKNOWN]


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"model": "symmetric"}, "model"),
        ({"image_size": (0, 5)}, "image_size[0]"),
        ({"session_id": "a b"}, "session_id"),
        ({"when_behind": "never"}, "when_behind"),
        ({"lookahead_frames": -1}, "image_size, fps, lookahead_frames"),
        ({"ahead": 5}, "ahead"),
    ],
)
def test_sessions_that_cannot_be_opened(service, client_of, options, where):
    with client_of(service) as client:
        with pytest.raises(poselift.InvalidInput) as raised:  # noqa: SIM117
            with client.stream(**OPTIONS | options):
                pass
        assert raised.value.field_errors[0].where == where


def test_a_left_session_is_resumed_and_a_closed_one_is_not(service, client_of, expected):
    with client_of(service) as client:
        live = client.stream(**OPTIONS)
        answers = [live.push(people) for people in FRAMES[:15]]
        live.leave()
        with client.stream(**OPTIONS, session_id=live.session_id) as again:
            assert again.next_index == 15
            answers += [again.push(people) for people in FRAMES[15:]]
        assert_equal(answers, expected)
        with client.stream(**OPTIONS, session_id=live.session_id) as anew:
            assert anew.next_index == 0


def test_an_error_in_the_block_leaves_the_session(service, client_of):
    with client_of(service) as client:
        with contextlib.suppress(ZeroDivisionError), client.stream(**OPTIONS) as live:
            live.push(FRAMES[0])
            raise ZeroDivisionError
        with client.stream(**OPTIONS, session_id=live.session_id) as again:
            assert again.next_index == 1


def test_a_session_that_is_taken_over_ends(service, client_of, expected):
    with client_of(service) as client:
        old = client.stream(**OPTIONS)
        answers = [old.push(people) for people in FRAMES[:5]]
        with client.stream(**OPTIONS, session_id=old.session_id) as new:
            for _ in range(2):
                with pytest.raises(SessionTaken):
                    old.push(FRAMES[5])
            answers += [new.push(people) for people in FRAMES[5:]]
        old.leave()
    assert_equal(answers, expected)


def test_the_server_is_killed_and_started_again(restarted, some_client_of, expected):
    with some_client_of(restarted) as client, client.stream(**OPTIONS) as live:
        answers = []
        for index, people in enumerate(FRAMES):
            if index in {20, 40}:
                restarted.stop()
                restarted.start_soon()
            answers.append(live.push(people))
    assert_equal(answers, expected)
    assert all(answer.durable for answer in answers)


def test_the_server_is_killed_while_many_frames_are_on_their_way(restarted, client_of, expected):
    def frames():
        for index, people in enumerate(FRAMES):
            if index == 30:
                restarted.stop()
                restarted.start_soon()
            yield people

    with client_of(restarted) as client, client.stream(**OPTIONS) as live:
        assert_equal(list(live.lift(frames())), expected)


def test_the_server_is_killed_with_answers_that_come_later(restarted):
    options = {**OPTIONS, "model": "symmetric", "lookahead_frames": 5}
    with a_client_of(restarted) as client, client.stream(**options) as live:
        undisturbed = list(live.lift(FRAMES))
    with a_client_of(restarted) as client, client.stream(**options) as live:
        answers = []
        for index, people in enumerate(FRAMES):
            if index in {3, 30, 59}:
                restarted.stop()
                restarted.start_soon()
            answers.append(live.push(people))
        answers += live.close()
    assert_equal([answer for answer in answers if answer is not None], undisturbed)


def test_a_server_that_ends_is_left_for_its_successor(restarted, some_client_of, expected):
    with some_client_of(restarted) as client, client.stream(**OPTIONS) as live:
        answers = [live.push(people) for people in FRAMES[:20]]
        restarted.end()
        restarted.start_soon()
        answers += [live.push(people) for people in FRAMES[20:]]
    assert_equal(answers, expected)


@contextlib.contextmanager
def writes_refused_by(store):
    store.ask("CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        store.ask("CONFIG", "SET", "maxmemory", "0")


def test_frames_that_were_not_stored_are_sent_again(restarted, store_of_the_restarted, expected):
    """The store is away, then the server is killed: only the client has those frames."""
    with a_client_of(restarted) as client, client.stream(**OPTIONS) as live:
        answers = [live.push(people) for people in FRAMES[:20]]
        with writes_refused_by(store_of_the_restarted):
            answers += [live.push(people) for people in FRAMES[20:30]]
            assert [answer.durable for answer in answers] == [True] * 20 + [False] * 10
            restarted.stop()
        restarted.start_soon()
        answers += [live.push(people) for people in FRAMES[30:]]
        assert answers[-1].durable
    assert_equal(answers, expected)


def test_a_server_that_has_lost_the_session_says_so(restarted, store_of_the_restarted):
    with a_client_of(restarted) as client:
        live = client.stream(**OPTIONS)
        for index in range(70):
            live.push(FRAMES[index % 60])
        restarted.stop()
        store_of_the_restarted.ask("FLUSHALL")
        restarted.start_soon()
        with pytest.raises(SessionLost, match="not kept"):
            live.push(FRAMES[0])
        live.leave()


def test_a_young_session_that_was_lost_is_sent_anew(restarted, store_of_the_restarted, expected):
    with a_client_of(restarted) as client, client.stream(**OPTIONS) as live:
        answers = [live.push(people) for people in FRAMES[:30]]
        restarted.stop()
        store_of_the_restarted.ask("FLUSHALL")
        restarted.start_soon()
        answers += [live.push(people) for people in FRAMES[30:]]
    assert_equal(answers, expected)


def test_another_client_goes_on_while_this_one_is_away(restarted):
    with a_client_of(restarted) as client:
        live = client.stream(**OPTIONS)
        live.push(FRAMES[0])
        restarted.stop()
        restarted.start()
        other = client.stream(**OPTIONS, session_id=live.session_id)
        other.push(FRAMES[1])
        other.push(FRAMES[2])
        other.leave()
        restarted.stop()
        restarted.start_soon()
        with pytest.raises(SessionTaken, match="another client"):
            live.push(FRAMES[1])
        live.leave()


def test_a_push_that_is_given_up_is_caught_up_with(restarted, some_client_of, expected):
    with some_client_of(restarted, timeout_s=4) as client, client.stream(**OPTIONS) as live:
        answers = [live.push(people) for people in FRAMES[:10]]
        restarted.stop()
        with pytest.raises((ServerError, DeadlineExceeded)):
            live.push(FRAMES[10])
        restarted.start()
        answers += [live.push(people) for people in FRAMES[11:20]]
    assert_equal(answers, expected[:10] + expected[11:20])


def test_people_without_room_are_told_so(models):
    settings = {"LIVE_MODEL": "causal", "MAX_LIVE_TRACKS": "2"}
    with service_process(models, **settings) as service, a_client_of(service) as client:
        with client.stream(**OPTIONS) as first, client.stream(**OPTIONS) as second:
            first.push(FRAMES[0])
            answer = second.push(FRAMES[0])
            assert all(isinstance(problem, Overloaded) for problem in answer.problems)
            assert len(answer.problems) == 2
        with client.stream(**OPTIONS) as live:
            assert live.push(FRAMES[0]).problems == (None, None)


def test_oldest_frames_may_be_left_out(service, client_of):
    keypoints = person_clip(200)
    options = {**OPTIONS, "when_behind": "drop_oldest"}
    with client_of(service) as client, client.stream(**options) as live:
        indices = [answer.index for answer in live.lift(keypoints, ahead=32)]
    assert indices == sorted(set(indices))
    assert indices[-1] == 199
