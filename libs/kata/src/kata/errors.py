"""What can go wrong in the verifier itself, as opposed to in the solution that it judges."""


class KataError(Exception):
    """Base of every error whose message is written for the person at the terminal."""


class UsageError(KataError):
    """The command line asks for something that does not exist."""


class ProcfileError(KataError):
    """The folder's Procfile is missing or malformed."""


class LaunchError(KataError):
    """An embedded server or a container engine could not be started."""


class TargetError(KataError):
    """The solution could not be started, never became ready, or cannot be reached."""

    def __init__(self, message: str, output: list[str] | None = None) -> None:
        super().__init__(message)
        self.output = output or []


class TooSlowError(TargetError):
    """The solution, or its engine, did not get there in time: a busy machine may be the cause."""
