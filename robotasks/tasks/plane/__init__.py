"""Assembling a toy airplane."""
