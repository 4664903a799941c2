"""MuJoCo and nothing else: scenes, robots, objects, and engines that advance many worlds."""
