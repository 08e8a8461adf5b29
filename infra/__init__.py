"""What a server needs to take a role, and the embedded local stack."""
