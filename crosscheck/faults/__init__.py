"""Known mistakes, planted one at a time: does the checker refuse each, and does it blame the right layer and column?"""
