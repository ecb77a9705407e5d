"""`python -m apps.worker`: read the environment, refuse what is wrong with it, run."""

from apps.starts import refuse
from apps.worker.settings import WorkerSettings
from core.environment import WrongEnvironmentError, check
from service_kit.settings import load
from service_kit.worker import work


def main() -> None:
    settings = load(WorkerSettings)
    try:
        check(str(settings.database_url), settings.environment)
    except WrongEnvironmentError as error:
        refuse(error)
    work("apps.worker.app:create_worker", settings)


if __name__ == "__main__":
    main()
