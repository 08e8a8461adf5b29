"""Tests, by what they need: unit (nothing), flows (Prefect), integration (one real service each), e2e (all of it)."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECTS = ROOT / "tests" / "projects"
