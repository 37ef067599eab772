"""Mean squared displacements and the window of lags that a line is fitted in."""
