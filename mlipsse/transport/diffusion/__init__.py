"""From unwrapped positions to a diffusivity and a conductivity with an error."""
