"""Whether a bundle is fit for use on this machine."""
