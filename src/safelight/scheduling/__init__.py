"""Who comes next, and how much of a bound is whose: policy alone. No torch, no clock, no input or output."""
