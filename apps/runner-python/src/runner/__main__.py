"""`python -m runner`: starts the runner with the settings of the environment."""

from __future__ import annotations

import asyncio
import os
import sys

from .settings import SettingsError, read_settings
from .worker import Runner


def main() -> int:
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print("runner-python cannot start:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return 1
    # Unlike asyncio.run this waits for nothing that is left: a task of the queue library may ignore its cancellation.
    asyncio.new_event_loop().run_until_complete(Runner(settings).run())
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # A step that was left behind may sit in a thread that nothing can end; the process does not wait for it.
    os._exit(code)
