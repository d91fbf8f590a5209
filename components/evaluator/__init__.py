"""Every exported model against the held-out split; the gates."""
