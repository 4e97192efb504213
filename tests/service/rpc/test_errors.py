"""Errors as gRPC statuses: trailers stay small and unexpected errors have no details."""

from typing import Any

import grpc
import orjson
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from poselift.errors import FieldError, InvalidInput, ModelError, PoseliftError
from service.request_errors import Overloaded, TooLarge, Unavailable
from service.rpc.errors import DETAILS_KEY, PROBLEM_KEY, RETRY_KEY, end

SECRET = "the database is at 10.0.0.7"


class Call:
    """The part of gRPC's call that is used."""

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, detail: str) -> None:
        self.detail = detail

    def set_trailing_metadata(self, trailers: Any) -> None:
        self.trailers = dict(trailers)


def ended(error: Exception) -> Call:
    call = Call()
    end(call, error)  # type: ignore[arg-type]
    return call


@pytest.mark.parametrize("error", [RuntimeError(SECRET), ModelError(SECRET)])
def test_an_unexpected_error_is_sent_without_details(error: Exception) -> None:
    call = ended(error)
    assert call.code is grpc.StatusCode.INTERNAL
    assert SECRET not in call.detail + str(call.trailers)


def test_a_full_queue_rounds_the_wait_up() -> None:
    call = ended(Overloaded("full", retry_after_s=1.2))
    assert call.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert call.trailers[RETRY_KEY] == "2"


@pytest.mark.parametrize(
    ("error", "delay_s"),
    [
        (Overloaded("full", retry_after_s=1.25), 1.25),
        (Unavailable("ü is away"), 0.1),
        (TooLarge("it never fits"), None),
        (InvalidInput.at("fps", "a number"), None),
    ],
)
def test_only_what_may_be_sent_again_has_retry_info(
    error: PoseliftError, delay_s: float | None
) -> None:
    call = ended(error)
    if delay_s is None:
        assert DETAILS_KEY not in call.trailers
        return
    status = Status.FromString(call.trailers[DETAILS_KEY])
    assert (status.code, status.message) == (call.code.value[0], call.detail)
    info = RetryInfo()
    (details,) = status.details
    assert details.Unpack(info)
    assert info.retry_delay.ToMilliseconds() == delay_s * 1000


def test_many_errors_fit_into_the_trailers() -> None:
    errors = tuple(FieldError(f"{i}" * 200, "no field of this name") for i in range(20))
    call = ended(InvalidInput("ü" * 100_000, errors))
    assert len(call.trailers[PROBLEM_KEY]) <= 3_000
    assert len(orjson.loads(call.trailers[PROBLEM_KEY])["errors"]) > 1
    assert len(call.detail.encode()) <= 1_003
