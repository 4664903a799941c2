"""Robots: what each adds to a scene, its sensors, and how an action becomes its control."""
