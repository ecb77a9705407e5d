import asyncio
import statistics
import time
import unicodedata

import bcrypt
import pytest

from auth import HasherBusyError, Parameters, PasswordHasher, SettingError, UnknownHashError, Verification

pytestmark = pytest.mark.anyio

CHEAP = Parameters(memory_kib=64, passes=1)
PASSWORD = "correct horse battery staple"
VERIFIED, REFUSED = Verification(ok=True), Verification(ok=False)


@pytest.fixture(scope="module")
def hasher() -> PasswordHasher:
    return PasswordHasher(CHEAP, concurrency=2, queue=50)


async def test_a_password_is_verified_and_no_other(hasher: PasswordHasher) -> None:
    stored = await hasher.hash(PASSWORD)

    assert await hasher.verify(stored, PASSWORD) == VERIFIED
    for other in (PASSWORD.upper(), PASSWORD + " ", " " + PASSWORD, PASSWORD[:-1], ""):
        assert not (await hasher.verify(stored, other)).ok


async def test_the_default_is_argon2id_with_owasps_parameters() -> None:
    hasher = PasswordHasher()
    assert (await hasher.hash(PASSWORD)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_two_hashes_of_one_password_differ(hasher: PasswordHasher) -> None:
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (unicodedata.normalize("NFC", "Zoë" * 6), unicodedata.normalize("NFD", "Zoë" * 6), True),
        ("0123456789" * 2, "".join(chr(0xFF10 + digit) for digit in range(10)) * 2, False),
        ("😀" * 63 + "😀", "😀" * 63 + "😁", False),
        ("long enough \0A", "long enough \0B", False),
        ("half a pair \ud83d", "half a pair \ud83d", True),
    ],
    ids=[
        "NFC and NFD",
        "full-width digits",
        "the last of 64 emoji",
        "behind a zero",
        "half a surrogate pair",
    ],
)
async def test_which_spellings_are_the_same_password(
    hasher: PasswordHasher, first: str, second: str, same: bool
) -> None:
    assert (await hasher.verify(await hasher.hash(first), second)).ok is same


async def test_other_parameters_ask_for_a_rehash(hasher: PasswordHasher) -> None:
    stored = await hasher.hash(PASSWORD)
    dearer = PasswordHasher(Parameters(memory_kib=128, passes=1))

    assert (await dearer.verify(stored, PASSWORD)).needs_rehash
    assert not (await dearer.verify(stored, "another")).needs_rehash
    assert not (await dearer.verify(await dearer.hash(PASSWORD), PASSWORD)).needs_rehash


@pytest.mark.parametrize("prefix", [b"$2a$", b"$2b$", b"$2y$"])
async def test_a_hash_of_bcrypt_is_verified_and_asks_for_a_rehash(
    hasher: PasswordHasher, prefix: bytes
) -> None:
    stored = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).replace(b"$2b$", prefix).decode()

    verification = await hasher.verify(stored, PASSWORD)
    assert verification.ok
    assert verification.needs_rehash
    assert await hasher.verify(stored, "another") == REFUSED


async def test_bcrypt_read_72_bytes_and_so_do_we(hasher: PasswordHasher) -> None:
    stored = bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4)).decode()

    assert (await hasher.verify(stored, "a" * 72 + "whatever came behind")).ok
    assert not (await hasher.verify(stored, "a" * 71)).ok
    assert not (await hasher.verify(await hasher.hash("a" * 72), "a" * 73)).ok


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_an_earlier_system_may_have_normalized_or_not(hasher: PasswordHasher, form: str) -> None:
    decomposed = unicodedata.normalize("NFD", "Zoë" * 6)
    raw = decomposed if form == "NFD" else unicodedata.normalize("NFC", decomposed)
    stored = bcrypt.hashpw(raw.encode(), bcrypt.gensalt(4)).decode()

    assert (await hasher.verify(stored, decomposed)).ok


@pytest.mark.parametrize("stored", ["", "plain", "$2b$04$short", "$argon2id$v=19$m=64,t=1,p=1$AAAA"])
async def test_what_is_no_hash_is_an_error_and_no_wrong_password(hasher: PasswordHasher, stored: str) -> None:
    with pytest.raises(UnknownHashError):
        await hasher.verify(stored, PASSWORD)


async def test_an_account_that_is_not_there_refuses_every_password(hasher: PasswordHasher) -> None:
    assert await hasher.verify(None, PASSWORD) == REFUSED


async def test_an_unknown_account_takes_as_long_as_a_wrong_password() -> None:
    """In processor time of this thread's pool, one after the other, so that what else runs matters little."""
    hasher = PasswordHasher(concurrency=1)
    stored = await hasher.hash(PASSWORD)
    times: dict[str | None, list[float]] = {None: [], stored: []}
    for _ in range(15):
        for account, taken in times.items():
            started = time.process_time()
            await hasher.verify(account, "wrong")
            taken.append(time.process_time() - started)

    assert statistics.median(times[None]) == pytest.approx(statistics.median(times[stored]), rel=0.3)


async def test_beyond_the_queue_a_password_is_refused_at_once() -> None:
    hasher = PasswordHasher(Parameters(memory_kib=19_456, passes=4), concurrency=1, queue=2)

    outcomes = await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(10)), return_exceptions=True)

    assert sum(isinstance(one, str) for one in outcomes) == 3
    assert [type(one) for one in outcomes[3:]] == [HasherBusyError] * 7
    assert await hasher.hash(PASSWORD)


async def test_who_gives_up_waiting_frees_the_place() -> None:
    hasher = PasswordHasher(Parameters(memory_kib=19_456, passes=8), concurrency=1, queue=1)
    running = asyncio.create_task(hasher.hash(PASSWORD))
    waiting = asyncio.create_task(hasher.hash(PASSWORD))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await asyncio.gather(hasher.hash(PASSWORD), running)


async def test_the_loop_goes_on_while_passwords_are_hashed() -> None:
    hasher = PasswordHasher(Parameters(memory_kib=19_456, passes=8), concurrency=1)
    turns = 0
    hashing = asyncio.create_task(hasher.hash(PASSWORD))
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 100


async def test_a_hasher_that_was_closed_takes_nothing_more() -> None:
    hasher = PasswordHasher(CHEAP, concurrency=1, queue=0)
    hasher.close()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await hasher.hash(PASSWORD)


def test_parameters_that_argon2_refuses_stop_the_start() -> None:
    with pytest.raises(SettingError, match="memory_kib=1"):
        PasswordHasher(Parameters(memory_kib=1))
    with pytest.raises(SettingError):
        PasswordHasher(CHEAP, concurrency=1, queue=-1)
