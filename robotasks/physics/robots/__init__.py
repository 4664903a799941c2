"""Robots, one file each: what it adds to a scene, its sensors, and how an action becomes its control."""
