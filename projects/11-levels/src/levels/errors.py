"""What can go wrong in this service, in its own terms; app.py gives each a status."""


class LevelsError(Exception):
    """Base of every error that this service raises on purpose."""


class DatabaseUnavailableError(LevelsError):
    """PostgreSQL does not answer, or not as it should."""


class VerifierUnavailableError(LevelsError):
    """The verifier cannot be started, or does not say what it can judge."""


class UnauthenticatedError(LevelsError):
    """The request shows no token of somebody who may make it."""

    def __init__(self, *, was_sent: bool) -> None:
        super().__init__("Send a token that is known, as Authorization: Bearer ….")
        self.was_sent = was_sent


class ForbiddenError(LevelsError):
    """Who asks is known, and may not."""


class LevelNotFoundError(LevelsError):
    """The catalogue has no such level."""

    def __init__(self, level_id: str) -> None:
        super().__init__(f"There is no level {level_id}.")


class RunNotFoundError(LevelsError):
    """The learner has no run with this id."""

    def __init__(self) -> None:
        super().__init__("There is no run with this id.")


class LearnerNotFoundError(LevelsError):
    """There is no learner with this id."""

    def __init__(self) -> None:
        super().__init__("There is no learner with this id.")


class ReceiptNotFoundError(LevelsError):
    """A run with this id has not passed, or nothing was there to sign with."""

    def __init__(self) -> None:
        super().__init__("There is no receipt for a run with this id.")


class InvalidReceiptError(LevelsError):
    """A receipt proves nothing here; `index` is its place among those that were sent."""

    def __init__(self, index: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.code = code


class UnknownCursorError(LevelsError):
    """A cursor leads to no place in the list."""


class InvalidRunError(LevelsError):
    """A run cannot be asked for in this way."""

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.code = code


class NameTakenError(LevelsError):
    """Another learner has this name."""


class LevelLockedError(LevelsError):
    """The level below is not completed."""

    def __init__(self, level_id: str, below: str) -> None:
        super().__init__(f"{level_id} opens when {below} is completed.")


class RunActiveError(LevelsError):
    """A run of the same folder, or another speed run of the learner's, has not ended."""

    def __init__(self, path: str) -> None:
        super().__init__("A run that is in the way has not ended yet.")
        self.path = path


class RunFinishedError(LevelsError):
    """The run has ended, and can no longer be cancelled."""

    def __init__(self, state: str) -> None:
        super().__init__(f"The run has ended already: it is {state}.")
