"""Inputs and golden results of the programs, one module for each module of programs."""
