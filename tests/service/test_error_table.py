"""Every error that a caller can meet has a row, and the rows are valid in every transport."""

from http import HTTPStatus

import grpc

from poselift.errors import InvalidInput, ModelError, PoseliftError
from service import request_errors
from service.error_table import ERROR_KINDS, INTERNAL, kind_of


def met_by_callers() -> set[type[PoseliftError]]:
    ours = {each for each in vars(request_errors).values() if isinstance(each, type)}
    refusals = {each for each in ours if each.__module__ == request_errors.__name__}
    return (refusals | {InvalidInput}) - {request_errors.StoreError}


def test_every_error_sent_to_callers_has_a_row() -> None:
    assert set(ERROR_KINDS) == met_by_callers()


def test_statuses_codes_and_types_exist_and_types_differ() -> None:
    for kind in [*ERROR_KINDS.values(), INTERNAL]:
        assert HTTPStatus(kind.http_status) >= 400
        assert kind.grpc_code in grpc.StatusCode.__members__
    assert len({kind.type for kind in ERROR_KINDS.values()}) == len(ERROR_KINDS)


def test_errors_of_start_up_tell_callers_nothing() -> None:
    assert kind_of(ModelError("a path")) is INTERNAL
    assert kind_of(RuntimeError("a path")) is INTERNAL
