"""How a production run is made, and the limits of a healthy one."""
