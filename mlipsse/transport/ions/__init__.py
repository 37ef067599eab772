"""Which ions move, which hold still, and the drift of those."""
