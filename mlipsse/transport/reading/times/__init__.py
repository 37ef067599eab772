"""Times that files state, and the spacing of frames."""
