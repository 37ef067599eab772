"""The native engine: C++ written for one MACE model, without torch."""
