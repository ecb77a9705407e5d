"""What a backend tells of new users, and the jobs that it has for that."""

from kata.steps import CallbackServer, Received, World, expect

from .backend import API, Json, Person, items_of, told_of, wait_for

WELCOME, OWN_WELCOME = "/welcome", "/own-welcome"
RETRY_SECONDS = 0.4
SLACK_SECONDS = 2.0


def job_settings(
    world: World, settings: dict[str, str], path: str, attempts: int, lease: str
) -> dict[str, str]:
    return settings | {
        "WELCOME_URL": world.callback_server().url(path),
        "MAX_ATTEMPTS": str(attempts),
        "RETRY_SECONDS": str(RETRY_SECONDS),
        "LEASE_SECONDS": lease,
    }


def calls_of(receiver: CallbackServer, email: str, path: str = WELCOME) -> list[Received]:
    return [call for call in receiver.received(path) if told_of(call).get("email") == email]


def once_called(receiver: CallbackServer, email: str, count: int, path: str = WELCOME) -> list[Received]:
    return wait_for(lambda: calls_of(receiver, email, path), lambda calls: len(calls) >= count)


def jobs_of(admin: Person, person: Person, state: str) -> list[Json]:
    jobs = items_of(admin.ask("GET", f"{API}/jobs?state={state}"))
    return [job for job in jobs if job.get("user_id") == person.id]


def dead_job(admin: Person, person: Person) -> Json:
    found = wait_for(lambda: jobs_of(admin, person, "dead"), bool)
    expect(len(found) == 1, expected="one dead job of this user", got=len(found), timing=not found)
    return found[0]
