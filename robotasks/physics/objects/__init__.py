"""Objects: one file each, an addition to a scene and the sensors it offers."""
