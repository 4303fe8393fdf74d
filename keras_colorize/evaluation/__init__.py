"""Run directories to table 1, figures and the study of section 5."""
