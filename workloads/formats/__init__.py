"""Readers and writers of foreign formats: device traces, task graphs of other tools."""
