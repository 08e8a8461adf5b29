"""How much work one evaluation may take."""

import time

MAX_STEPS = 60_000
MAX_SECONDS = 5
"""Of processor time; real settings take a hundredth of that."""


class Budget:
    """Counts the statements and expressions of one evaluation."""

    def __init__(self) -> None:
        self.steps = 0
        self.until = time.process_time() + MAX_SECONDS

    def spend(self) -> None:
        """Count one step.

        Raises:
            RecursionError: all steps or all time are spent.
        """
        self.steps += 1
        if self.steps > MAX_STEPS or time.process_time() > self.until:
            raise RecursionError
