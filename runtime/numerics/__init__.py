"""Computing a program's numbers: its recorded tile operations, replayed in any order of tasks."""
