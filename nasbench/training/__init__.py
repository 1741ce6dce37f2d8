"""Training: one network or many side by side, settings, schedules, and a linear baseline."""
