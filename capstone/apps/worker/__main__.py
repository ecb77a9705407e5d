"""`python -m apps.worker`: read the environment, refuse what is wrong with it, run."""

from apps.worker.settings import WorkerSettings
from service_kit.settings import load
from service_kit.worker import work

if __name__ == "__main__":
    work("apps.worker.app:create_worker", load(WorkerSettings))
