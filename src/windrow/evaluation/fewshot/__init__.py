"""The few-label protocol: k labelled fields a class, drawn many times over."""
