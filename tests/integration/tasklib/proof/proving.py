"""What tests of proofs share."""

from collections.abc import Callable
from pathlib import Path

from dz.adapters import users
from dz.adapters.sandbox import Sandbox, UserSandbox
from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.proof.proof import Proof
from tests.integration.django_projects import USER

Prove = Callable[..., tuple[Proof, Inspection]]


def sandbox_of(name: str, home: Path) -> Sandbox:
    return UserSandbox(USER, users.owned(home, USER))


def primary(found: Inspection, field: str) -> Guess:
    return next(guess for guess in found.guesses if guess.field == field and guess.is_primary)
