"""Environments: the step loop and its faces for Gymnasium and Stable-Baselines3."""
