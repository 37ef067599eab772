"""The ten stages, one per file: the only place where a config value meets a function."""
