"""mlipsse: from a disordered solid electrolyte to an ionic conductivity with an error bar."""

__version__ = "0.1.0"
