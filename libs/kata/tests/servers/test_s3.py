from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.servers.s3 import EmbeddedS3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedS3]:
    server = EmbeddedS3(Path(tmp_path_factory.mktemp("s3")))
    server.start()
    server.make_bucket("bucket")
    yield server
    server.kill()


def test_an_object_is_listed_and_read_under_the_key_that_it_was_given(server: EmbeddedS3) -> None:
    server.write("bucket", "a b/%41é", b"12")
    assert server.keys("bucket", "a b/") == ["a b/%41é"]
    assert server.read("bucket", "a b/%41é") == b"12"
    server.delete("bucket", "a b/%41é")
    assert server.keys("bucket") == []


def test_it_refuses_as_many_writes_as_it_is_to(server: EmbeddedS3) -> None:
    server.refuse_writes(1)
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        server.write("bucket", "key", b"1")
    server.write("bucket", "key", b"2")
    assert server.refused() == 1
    assert server.read("bucket", "key") == b"2"


def test_it_spoils_what_it_is_to(server: EmbeddedS3) -> None:
    server.spoil(".zst")
    server.write("bucket", "a.zst", b"12")
    server.write("bucket", "a.json", b"12")
    assert (server.read("bucket", "a.zst"), server.read("bucket", "a.json")) == (b"13", b"12")
    server.spoil("/none")
