"""Figures and the HTML report; this package reads run directories, never models."""
