"""What two agents or more share: rollouts, networks, losses, normalisation, the run folder."""
