"""The command line `dz`: one file per noun."""
