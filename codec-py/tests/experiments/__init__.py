"""Tests of experiments: a package, so that its fixtures and those beside it keep apart."""
