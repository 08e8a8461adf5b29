"""Prefect flows: order only. Start with build_and_deploy.py and check_repo.py."""
