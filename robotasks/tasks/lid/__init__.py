"""Lids: put on, pressed, twisted, screwed, flipped and slid."""
