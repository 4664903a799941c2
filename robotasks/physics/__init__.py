"""MuJoCo and nothing else: scenes, robots, objects, and the engines that advance many worlds at once."""
