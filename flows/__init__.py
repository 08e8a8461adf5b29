"""Prefect flows: the order of the steps and nothing else. Start with `build_and_deploy.py` and `check_repo.py`.

The steps themselves are in `tasks`; flows import neither tasklib nor adapters.
"""
