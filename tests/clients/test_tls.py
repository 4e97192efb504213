"""Clients over TLS: https, wss and grpcs to a proxy that speaks it, as in front of a service."""

import numpy as np
import pytest
import trustme

import poselift
from poselift.client import ServerError, ServerUnavailable
from poselift.command.options import Server
from tests.clients.servers import tls_proxy
from tests.models import person_clip

SIZE = (1000.0, 800.0)
KINDS = ("https", "grpcs")
CLIP = person_clip(6)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="module")
def urls(service, authority):
    certificate = authority.issue_cert("127.0.0.1")
    with (
        tls_proxy(service.http_port, certificate) as https,
        tls_proxy(service.grpc_port, certificate) as grpcs,
    ):
        yield {"https": f"https://127.0.0.1:{https}", "grpcs": f"grpcs://127.0.0.1:{grpcs}"}


@pytest.fixture(scope="module")
def expected(service):
    with poselift.Client(service.url) as client, client.stream(image_size=SIZE) as session:
        live = [session.push(frame).poses.poses for frame in CLIP]
        return client.lift(CLIP, image_size=SIZE).poses, np.stack(live)


@pytest.mark.parametrize("kind", KINDS)
def test_clips_and_sessions_are_those_without_tls(urls, ca_file, expected, kind):
    with poselift.Client(urls[kind], ca_file=ca_file) as client:
        clip = client.lift(CLIP, image_size=SIZE).poses
        with client.stream(image_size=SIZE) as session:
            live = [session.push(frame).poses.poses for frame in CLIP]
    np.testing.assert_allclose(clip, expected[0], atol=1e-5)
    np.testing.assert_allclose(np.stack(live), expected[1], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_awaited(urls, ca_file, expected, kind):
    async with poselift.AsyncClient(urls[kind], ca_file=str(ca_file)) as client:
        clip = (await client.lift(CLIP, image_size=SIZE)).poses
        async with client.stream(image_size=SIZE) as session:
            live = [(await session.push(frame)).poses.poses for frame in CLIP]
    np.testing.assert_allclose(clip, expected[0], atol=1e-5)
    np.testing.assert_allclose(np.stack(live), expected[1], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trusted", ["usual authorities", "another one"])
async def test_a_certificate_that_is_not_trusted_is_told_at_once(urls, tmp_path, kind, trusted):
    options = {}
    if trusted == "another one":
        trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
        options = {"ca_file": tmp_path / "other.pem"}
    with poselift.Client(urls[kind], timeout_s=600, **options) as client:
        with pytest.raises(ServerError, match=r"certificate of .* is not trusted") as raised:
            client.lift(CLIP, image_size=SIZE)
        assert not isinstance(raised.value, ServerUnavailable)
        with pytest.raises(ServerError, match="is not trusted"), client.stream(image_size=SIZE):
            pass
    async with poselift.AsyncClient(urls[kind], timeout_s=600, **options) as client:
        with pytest.raises(ServerError, match="is not trusted"):
            await client.models()
        with pytest.raises(ServerError, match="is not trusted"):
            async with client.stream(image_size=SIZE):
                pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_of_another_host_is_refused(service, authority, ca_file, kind):
    port = service.http_port if kind == "https" else service.grpc_port
    with (
        tls_proxy(port, authority.issue_cert("example.org")) as other,
        poselift.Client(f"{kind}://127.0.0.1:{other}", ca_file=ca_file, timeout_s=9) as client,
        pytest.raises(ServerError, match="or of another host"),
    ):
        client.models()


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff"])
def test_a_file_without_certificates_is_refused(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(poselift.InvalidInput, match="ca_file: expected certificates in PEM"):
        poselift.Client("https://127.0.0.1:1", ca_file=path)


def test_a_plain_server_needs_no_file_but_may_have_one(service, ca_file):
    with poselift.Client(service.url, ca_file=ca_file) as client:
        with client.stream(image_size=SIZE) as session:
            session.push(CLIP[0])
        assert client.models()


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_takes_the_file(urls, ca_file, kind):
    with Server(urls[kind], ca_file=ca_file).client() as client:
        assert client.models()
