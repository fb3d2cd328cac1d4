"""Runs AutoML tools side by side: the same splits, the same time, the same cores, one at a time, scored here."""
